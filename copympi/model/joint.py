"""What a composite's occupations say of its parts: marginals, correlations, mutual information, concurrence.

Pure functions of n (R, P) members, of joint tables (R, d_A, d_B) of two parts' beables, or of Psi (R, P). The numbers
of a replica are worked out from its own alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.parts import Parts

Floats = NDArray[np.float64]
SIGN = np.array([-1.0, 1.0, 1.0, -1.0])
"""sigma_y x sigma_y of two qubits is this, in its row k, at column 3 - k."""


def marginal(n: NDArray[Any], parts: Parts, part: int) -> NDArray[Any]:
    """Members (R, d) with each beable of one part, whatever the others have; in the type of n."""
    before, d = int(np.prod(parts.dims[:part])), parts.dims[part]
    return np.asarray(n.reshape(len(n), before, d, -1).sum(axis=3).sum(axis=1))


def tables(n: NDArray[Any], parts: Parts) -> list[NDArray[Any]]:
    """Members (R, d_i, d_j) with each two beables of two parts, for all pairs i < j in the order of `parts.pairs`.

    Parts are summed over one by one, the first ones once for all pairs: a few passes over n for all of them.
    """
    R, out, later = len(n), [], n
    for i, d in enumerate(parts.dims[:-1]):
        of_i = later.reshape(R, d, -1)
        for e in parts.dims[i + 1 :]:
            of_both = of_i.reshape(R, d, e, -1)
            out.append(np.asarray(of_both.sum(axis=3)))
            of_i = of_both.sum(axis=2)
        later = later.reshape(R, d, -1).sum(axis=1)
    return out


def correlation(table: NDArray[Any]) -> Floats:
    """Pearson's correlation (R,) of two parts' beables, by their numbers 0, 1, ...; NaN where one of them is certain.

    Of two qubits (<zz> - <z><z>) / sqrt((1 - <z>^2) (1 - <z>^2)).
    """
    p = _shares(table)
    a, b = np.arange(p.shape[1], dtype=float), np.arange(p.shape[2], dtype=float)
    pa, pb = p.sum(axis=2), p.sum(axis=1)
    da, db = a - (pa * a).sum(axis=1)[:, None], b - (pb * b).sum(axis=1)[:, None]
    together = (p * da[:, :, None] * db[:, None, :]).sum(axis=2).sum(axis=1)
    spread = np.sqrt((pa * da**2).sum(axis=1) * (pb * db**2).sum(axis=1))
    certain = (np.count_nonzero(pa, axis=1) < 2) | (np.count_nonzero(pb, axis=1) < 2)
    return np.where(certain, np.nan, together / np.where(certain, 1.0, spread))


def mutual_information(table: NDArray[Any], corrected: bool = False) -> Floats:
    """Mutual information (R,) of two parts' beables, nats: sum p_ab ln(p_ab/(p_a p_b)) of the members' shares.

    Shares of N members that were drawn independently overstate it, by (K_ab - K_a - K_b + 1)/(2 N) in the mean, K the
    numbers of beables that occur (Miller and Madow). corrected : take that off.
    """
    p = _shares(table)
    pa, pb = p.sum(axis=2), p.sum(axis=1)
    product = pa[:, :, None] * pb[:, None, :]
    ratio = np.divide(p, product, out=np.ones_like(p), where=(p > 0) & (product > 0))
    made = np.maximum((p * np.log(ratio)).sum(axis=2).sum(axis=1), 0.0)
    if not corrected:
        return np.asarray(made)
    kinds = np.count_nonzero(p, axis=(1, 2)) - np.count_nonzero(pa, axis=1) - np.count_nonzero(pb, axis=1) + 1
    return np.asarray(made - kinds / (2.0 * table.astype(float).sum(axis=(1, 2))))


def concurrence(psi: NDArray[np.complex128], parts: Parts, i: int, j: int) -> Floats:
    """Wootters' concurrence (R,) of the qubits i and j of Psi (R, P), the other parts traced out.

    With rho = A A^dagger, A (4, m) the amplitudes, it is max(0, s1 - s2 - s3 - s4), s the singular values of
    A^T (sigma_y x sigma_y) A; of a pure state of two qubits that is 2 |Psi_00 Psi_11 - Psi_01 Psi_10|.
    NaN where Psi is.
    """
    empty = np.asarray(np.isnan(psi).any(axis=1))  # a filter has left nobody; LAPACK takes no NaN
    psi = np.where(empty[:, None], 0.0, psi)
    A = np.moveaxis(psi.reshape(len(psi), *parts.dims), (1 + i, 1 + j), (1, 2)).reshape(len(psi), 4, -1)
    if A.shape[2] > 4:
        values, vectors = np.linalg.eigh(A @ A.conj().transpose(0, 2, 1))
        A = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    if A.shape[2] == 1:
        a = A[:, :, 0]
        return np.where(empty, np.nan, np.minimum(2.0 * np.abs(a[:, 0] * a[:, 3] - a[:, 1] * a[:, 2]), 1.0))
    s = np.linalg.svd(A.transpose(0, 2, 1) @ (SIGN[:, None] * A[:, ::-1]), compute_uv=False)
    return np.where(empty, np.nan, np.clip(2.0 * s[:, 0] - s.sum(axis=1), 0.0, 1.0))


def _shares(table: NDArray[Any]) -> Floats:
    """Members as parts of one; NaN where there are none."""
    p = table.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(p / p.sum(axis=2).sum(axis=1)[:, None, None])
