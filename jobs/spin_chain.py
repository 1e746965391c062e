"""Write jobs/spin_chain.mtx: a transverse-field Heisenberg (XXZ) chain of four spins, 16 beables, built with QuTiP.

H = sum_i [ J (sx_i sx_{i+1} + sy_i sy_{i+1}) + Jz sz_i sz_{i+1} ] + sum_i (g sx_i + h sz_i), spins 1/2 as Pauli
matrices, open ends. A beable is the z-configuration of the chain. Needs: pip install qutip
"""

from pathlib import Path

import qutip
from scipy.io import mmwrite

SPINS, J, JZ, G, FIELD = 4, 0.25, 0.15, 0.35, 0.10


def site(operator: qutip.Qobj, i: int) -> qutip.Qobj:
    """`operator` on spin i, the identity on the others."""
    return qutip.tensor([operator if k == i else qutip.qeye(2) for k in range(SPINS)])


def chain() -> qutip.Qobj:
    """The Hamiltonian, a Qobj of shape (16, 16)."""
    x, y, z = qutip.sigmax(), qutip.sigmay(), qutip.sigmaz()
    H = sum(G * site(x, i) + FIELD * site(z, i) for i in range(SPINS))
    for i in range(SPINS - 1):
        H += J * (site(x, i) * site(x, i + 1) + site(y, i) * site(y, i + 1)) + JZ * site(z, i) * site(z, i + 1)
    return H


if __name__ == "__main__":
    mmwrite(Path(__file__).with_suffix(".mtx"), chain().full(), precision=17, symmetry="hermitian")
