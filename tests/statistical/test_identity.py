"""Members are told apart: one member's history is the Markov chain that the ensemble's rates make."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.lattice_members import LatticeMembers
from copympi.engine.members import Members
from copympi.model.preparation import prepare
from copympi.mpi import Alone
from copympi.theory import schrodinger
from tests.physics import calm, random_state, random_system


def transition(system, psi, duration):
    """P(a at t | b at 0) of one member when the ensemble follows Schroedinger's equation, (P, P) as [b, a].

    dp/dt = p T with T[b->a] = 2 R_ab sqrt(n_a/n_b) sin+(phi_a - phi_b + delta_ab).
    """
    H = system.hamiltonian.toarray()
    P = system.P

    def slope(t, p):
        c = schrodinger.evolve(system, psi, [t])[0]
        flow = np.maximum(-2 * np.imag(np.conj(c)[:, None] * H * c[None, :]), 0.0)  # b -> a at [b, a]
        np.fill_diagonal(flow, 0.0)
        rate = flow / (np.abs(c) ** 2)[:, None]
        rate -= np.diag(rate.sum(axis=1))
        return (p.reshape(P, P) @ rate).ravel()

    return solve_ivp(slope, (0, duration), np.eye(P).ravel(), rtol=1e-8, atol=1e-10).y[:, -1].reshape(P, P)


SYSTEMS = {
    "3 beables": (Members, 3, 1.0, lambda: calm(3, 1.0, 0.03)),
    "3 beables, by the lattice's step": (LatticeMembers, 3, 1.0, lambda: calm(3, 1.0, 0.03)),
    "20 beables, where to by tables": (Members, 20, 0.3, lambda: (random_system(20, 2, 0.3), random_state(20, 3))),
}
"""Method, P, duration, system and state; from 17 couplings a beable on who leaves draws a target from a table."""


@pytest.mark.parametrize("case", SYSTEMS)
def test_where_members_go_depends_on_where_they_were(case):
    """Counts of (first, last) beable of 10^6 members against the chain: z-scores of all P^2 cells below 4.

    The ensemble's own noise moves all members together by 1/sqrt(N), as much as the cells' own; hence a factor 2.
    """
    method, P, duration, make = SYSTEMS[case]
    N, (system, psi) = 10**6, make()
    ensemble = method(Alone(), system, prepare(P, N, state=psi), Accuracy(N), replicas=1, seed=21)
    units = range(len(ensemble.unit))
    first = np.concatenate([ensemble.beables(u) for u in units])
    ensemble.begin(record(1, duration))
    while ensemble.advance():
        pass
    last = np.concatenate([ensemble.beables(u) for u in units])
    chain = transition(system, psi, duration)
    counts = np.zeros((P, P))
    np.add.at(counts, (first, last), 1)
    started = counts.sum(axis=1, keepdims=True)
    z = (counts - started * chain) / np.sqrt(started * chain * (1 - chain) + 1)
    assert np.abs(z).max() < 8, z
    independent = np.outer(started.ravel(), counts.sum(axis=0)) / N
    assert np.abs((counts - independent) / np.sqrt(independent)).max() > 100  # members do remember
