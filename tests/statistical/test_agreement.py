"""Few members: two representations and naive twins have one law.

Null hypothesis throughout: both samples come from the same distribution. Fixed seeds, 2,000 runs each, p > 0.001.
"""

import numpy as np
import pytest
from scipy import stats

import copympi
from copympi.mpi import Alone
from tests.physics import calm, random_state, random_system
from tests.reference import naive

MEMBERS, RUNS, DURATION, RECORDS = 50, 2_000, 1.0, 4


def fast(system, psi, representation, seed, members=MEMBERS, runs=RUNS, duration=DURATION, records=RECORDS, **options):
    """Occupations (runs, T, P) at the records after t = 0, and the counts and phases at t = 0."""
    run = copympi.simulate(
        system, state=psi, members=members, duration=duration, interval=duration / records, replicas=runs, seed=seed,
        representation=representation, comm=Alone(), **options,
    )  # fmt: skip
    return run.occupation[:, 1:], run.occupation[0, 0], run.phase[0, 0], run.time[1:]


def same_law(x, y, what):
    """Chi-square of the counts of every beable at every time, rare values pooled."""
    _, T, P = x.shape
    for t in range(T):
        for a in range(P):
            values = np.concatenate([x[:, t, a], y[:, t, a]])
            edges = np.unique(np.quantile(values, np.linspace(0, 1, 12)[1:-1]))
            table = [np.bincount(np.searchsorted(edges, z[:, t, a]), minlength=edges.size + 1) for z in (x, y)]
            table = np.array(table)[:, np.sum(table, axis=0) > 10]
            p = stats.chi2_contingency(table).pvalue if table.shape[1] > 1 else 1.0
            assert p > 0.001, f"{what}: beable {a}, record {t + 1}, p = {p:.2g}"


def means_agree(x, y, what):
    """Means over runs within 4 standard errors: sees 3% of n = 50 rho easily."""
    error = np.sqrt(x.var(axis=0) / len(x) + y.var(axis=0) / len(y)) + 1e-12
    z = (x.mean(axis=0) - y.mean(axis=0)) / error
    assert np.abs(z).max() < 4, f"{what}: z = {np.abs(z).max():.2f}"


def pairs(members, occupation, exact):
    """Each two of them, and what they are."""
    yield members, occupation, "members, occupation"
    yield members, exact, "members, exact"
    yield occupation, exact, "occupation, exact"


@pytest.mark.parametrize("P", [2, 3])
def test_members_occupation_and_exact_process_agree(P):
    """`exact` is the jump process itself, event by event (naive.gillespie_many)."""
    system, psi = calm(P, DURATION, 0.05)
    members, counts, phase, times = fast(system, psi, "members", 1)
    occupation, *_ = fast(system, psi, "occupation", 2)
    exact = naive.gillespie_many(system.hamiltonian.toarray(), counts, phase, times, 0.02, RUNS, seed=3)
    for x, y, what in pairs(members, occupation, exact):
        same_law(x, y, what)
        means_agree(x, y, what)


def test_all_beables_coupled_agree():
    """18 beables of 12 members, each coupled to all others: loops of their own plan such a step, and members draw where
    to go from tables. 300 runs each; occupation by leaps alone."""
    runs, system, psi = 300, random_system(18, 5, 0.4), random_state(18, 6)
    options = {"members": 216, "runs": runs, "duration": 0.15, "records": 1}
    members, counts, phase, times = fast(system, psi, "members", 1, **options)
    occupation, *_ = fast(system, psi, "occupation", 2, method="leap", **options)
    exact = naive.gillespie_many(system.hamiltonian.toarray(), counts, phase, times, 0.05, runs, seed=3)
    assert np.abs(exact.mean(axis=0) - counts).max() > 1.0
    for x, y, what in pairs(members, occupation, exact):
        same_law(x, y, what)
        means_agree(x, y, what)
        spread = np.array([z.var(axis=0) for z in (x, y)])
        z = (spread[0] - spread[1]) / (np.sqrt(2 / runs) * np.hypot(*spread))
        assert np.abs(z).max() < 4, f"{what}, variances: z = {np.abs(z).max():.2f}"


def test_the_literal_twin_agrees():
    """Loops over members and pairs (39), (40) with tiny steps; its step bias is 0.03 members, far below the error."""
    system, psi = calm(2, DURATION, 0.05)
    occupation, counts, phase, times = fast(system, psi, "occupation", 4)
    H = system.hamiltonian.toarray()
    twin = naive.many(H, counts, phase, times, 0.001, RUNS, seed=5)
    same_law(occupation, twin, "occupation, members one by one")
    means_agree(occupation, twin, "occupation, members one by one")
    rng = np.random.default_rng(6)
    pairs = np.stack([naive.members_and_pairs(H, counts, phase, times, 0.02, rng) for _ in range(40)])
    coarse = naive.many(H, counts, phase, times, 0.02, RUNS, seed=7)
    means_agree(pairs, coarse, "pairs, members one by one")


def test_pair_sums_and_aligned_forms_are_equal():
    assert naive.check_equivalence() < 1e-12


def test_a_small_change_of_the_law_would_be_noticed():
    """The tests above can fail: couplings 3% larger are told apart."""
    system, psi = calm(3, DURATION, 0.05)
    occupation, counts, phase, times = fast(system, psi, "occupation", 8)
    other = naive.gillespie_many(1.03 * system.hamiltonian.toarray(), counts, phase, times, 0.02, RUNS, seed=9)
    with pytest.raises(AssertionError):
        means_agree(occupation, other, "3% faster")


def test_passing_a_node_with_few_members():
    """Where beables die: the share of empty ones in leaps and in the exact process, 4 standard errors."""
    H, density = [[0, 1], [1, 0]], [0.9, 0.1]
    options = {"members": MEMBERS, "duration": 3.0, "interval": 0.75, "replicas": RUNS, "comm": Alone()}
    runs = {
        kind: copympi.simulate(H, density=density, phase=[0.0, 0.7], representation=kind, seed=11, **options)
        for kind in ("members", "occupation")
    }
    first = runs["members"]
    counts, phase = first.occupation[0, 0], first.phase[0, 0]
    exact = naive.gillespie_many(np.array(H), counts, phase, first.time[1:], 0.02, RUNS, seed=12)
    dead = (exact == 0).any(axis=2).mean(axis=0)
    assert 0.02 < dead[-1] < 0.98
    for kind, run in runs.items():
        share = (run.occupation[:, 1:] == 0).any(axis=2).mean(axis=0)
        error = np.sqrt((share * (1 - share) + dead * (1 - dead)) / RUNS) + 1e-9
        assert np.all(np.abs(share - dead) < 4 * error), (kind, share, dead)
