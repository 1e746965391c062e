"""What a filter does to Psi and to its fluctuations: members of other beables leave, and N is who stays.

n_a of those who stay are as they were, so rho_a = n_a/N gets another N: Psi becomes P Psi/|P Psi|, P the projector on
the kept beables. Of an ensemble whose Psi is off the mean field's by d/sqrt(N), N that of the start, the same is done
to Psi + d/sqrt(N). To first order, with w = |P Psi|^2 and chi = P Psi/sqrt(w),

    d' = ( P d - chi Re(chi^+ P d) )/sqrt(w):

how many stay is another number in each ensemble, and that is in it. From then on N w members copy: what copies add to
E[d d^+] in unit time is 1/w of what it would be with N.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.schedule import Schedule

Complex = NDArray[np.complex128]


def projected(psi: ArrayLike, kept: NDArray[np.bool_]) -> tuple[Complex, float]:
    """Psi (P,) of those who stay, normalised, and w, which part of the members they are; NaN where w = 0.

    psi : (P,), normalised. kept : (P,), of each beable whether its members stay.
    """
    stays = np.where(kept, np.asarray(psi, dtype=complex), 0.0)
    share = float(np.sum(np.abs(stays) ** 2))
    return (stays / np.sqrt(share) if share > 0.0 else np.full(stays.shape, np.nan + 0j)), share


def after(psi: Complex, schedule: Schedule, time: float) -> Complex:
    """Psi (P,), normalised, once what filters `schedule` has for `time` have come."""
    kept = schedule.stays(time, psi.size)
    return psi if kept is None else projected(psi, kept)[0]


def passed(psi: ArrayLike, first: Complex, second: Complex, kept: NDArray[np.bool_]) -> tuple[Complex, Complex]:
    """E[d d^+] and E[d d^T] (P, P) after a filter, from `first` and `second`, what they were before; see above.

    psi : (P,), normalised, before the filter. kept : (P,); some of the members stay.
    """
    chi, share = projected(psi, kept)
    # d' = A d + B conj(d)
    A = (np.diag(kept.astype(complex)) - 0.5 * np.outer(chi, chi.conj())) / np.sqrt(share)
    B = -0.5 * np.outer(chi, chi) / np.sqrt(share)
    cross = A @ second @ B.conj().T
    outer = A @ first @ A.conj().T + cross + cross.conj().T + B @ first.conj() @ B.conj().T
    mixed = A @ first @ B.T
    return outer, A @ second @ A.T + mixed + mixed.T + B @ second.conj() @ B.T
