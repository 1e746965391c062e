"""Many beables: the mean, what is conserved, who is whole and who Gaussian; stiff clusters do not drag the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

import copympi
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.lattice import LatticeCounts
from copympi.engine.waves import EMPTY, GAUSSIAN, WHOLE
from copympi.errors import DynamicsError, InputError
from copympi.model import packets
from copympi.model.preparation import share_out
from copympi.mpi import Alone
from copympi.theory import schrodinger

pytestmark = pytest.mark.filterwarnings("ignore:with .* members no one holds")  # steep tails are the point
OMEGA = 1 / 72


def coherent(members: float, spectators: int = 0, periods: float = 1.0, records: int = 50, **options):
    """A coherent state on a ring of 128 sites: (system, run)."""
    system = copympi.lattice(128, potential={"kind": "harmonic", "omega": OMEGA})
    duration = periods * 2 * np.pi / OMEGA
    run = copympi.simulate(
        system, packet={"centre": -16, "width": 6}, members=members, spectators=spectators, duration=duration,
        interval=duration / records, representation="occupation", comm=Alone(), **options,
    )  # fmt: skip
    return system, run


def random_sparse(P: int, seed: int) -> copympi.System:
    """Complex couplings on a few scattered diagonals, with gaps."""
    rng = np.random.default_rng(seed)
    A = sp.random_array((P, P), density=0.15, rng=rng, format="lil").tocsr().astype(complex)
    A.data = rng.standard_normal(A.nnz) + 1j * rng.standard_normal(A.nnz)
    return copympi.System(0.3 * (A + A.conj().T) + sp.diags_array(rng.standard_normal(P)))


@pytest.mark.parametrize(
    "system",
    [
        random_sparse(40, 1),
        random_sparse(9, 2),
        copympi.lattice([5, 7], spacing=[1.0, 0.8], potential={"kind": "harmonic", "omega": 0.3}),
        copympi.lattice([6, 4], boundary="open"),
        copympi.System(np.diag([0.1, 0.2, 0.3])),
    ],
    ids=["scattered", "small", "ring of rings", "open plane", "no couplings"],
)
def test_the_mean_beyond_integers_is_schroedingers(system: copympi.System) -> None:
    rng = np.random.default_rng(3)
    psi = (0.5 + rng.random(system.P)) * np.exp(2j * np.pi * rng.random(system.P))
    psi /= np.linalg.norm(psi)
    run = copympi.simulate(
        system, state=psi, members=1e80, duration=3.0, interval=0.5, tolerance=1e-8, representation="occupation",
        comm=Alone(),
    )  # fmt: skip
    path = schrodinger.evolve(system, psi, run.time)
    assert np.abs(run.occupation / 1e80 - np.abs(path) ** 2).max() < 1e-8
    seen = np.abs(path) ** 2 > 1e-4
    assert np.abs(np.angle(np.exp(1j * (run.phase + np.angle(path)))))[seen].max() < 1e-6


@pytest.mark.parametrize("spectators", [0, 1, 3])
def test_counts_are_whole_and_conserved_and_spectators_stay(spectators: int) -> None:
    _, run = coherent(10**7, spectators, periods=0.3)
    n = run.occupation
    assert n.dtype == np.int64
    assert np.all(n.sum(axis=1) == 10**7)
    assert n.min() >= spectators
    if spectators == 0:
        empty = n == 0
        assert np.all(empty[1:][empty[:-1]])  # nothing to copy: empty for good
        assert empty[0].sum() > 10
        assert np.all(np.isnan(run.phase) == empty)


def test_most_members_may_be_spectators() -> None:
    """Flows are large, but nearly all of them withheld: no site falls below its spectators."""
    system = copympi.lattice(9)
    psi = np.exp(-(system.lattice.positions[0] ** 2) / 9 + 0.6j * system.lattice.positions[0])
    run = copympi.simulate(
        system, state=psi / np.linalg.norm(psi), members=9 * 5000 + 400, spectators=5000, duration=30.0, interval=1.0,
        replicas=20, representation="occupation", comm=Alone(),
    )  # fmt: skip
    assert run.occupation.min() >= 5000
    assert np.any(run.occupation == 5000)
    assert np.all(run.occupation.sum(axis=2) == 45_400)


def test_large_ensembles_hand_over_between_whole_and_gaussian() -> None:
    """At N = 1e20 the tails of the packet are whole numbers, then Gaussian as it comes, then whole again."""
    _, run = coherent(1e20, periods=1.0, records=200)
    regime = run.measured["regime"]
    assert set(np.unique(regime)) == {EMPTY, WHOLE, GAUSSIAN}
    change = np.diff(regime.astype(int), axis=0)
    assert np.any((change > 0) & (regime[:-1] == WHOLE))
    assert np.any((change < 0) & (regime[1:] == WHOLE))
    n = run.occupation
    assert np.abs(n.sum(axis=1) / 1e20 - 1).max() < 1e-12
    whole = regime == WHOLE
    assert np.all(n[whole] == np.rint(n[whole]))
    assert n[whole].max() <= 600
    assert n[regime == GAUSSIAN].min() >= 300
    assert np.all(n[regime == EMPTY] == 0)
    xi = run.measured["fluctuation"]
    assert np.all(np.isfinite(xi))
    assert np.abs(xi.sum(axis=1)).max() < 1e-2  # N is kept, to rounding: 1e8 of 1e20


def test_fluctuations_of_relative_size_1e_40_are_not_lost() -> None:
    _, run = coherent(1e80, periods=0.25)
    xi = run.measured["fluctuation"]
    assert 0.1 < np.sqrt(np.mean(xi[-1] ** 2)) < 1
    assert np.all(run.measured["regime"] == GAUSSIAN)
    _, again = coherent(1e80, periods=0.25, seed=2)
    assert np.abs(again.measured["fluctuation"][-1] - xi[-1]).max() > 0.1
    assert np.abs(again.occupation - run.occupation).max() <= 1e65  # the same to rounding


def test_stiff_clusters_do_not_drag_the_lattice() -> None:
    """Steps of a period with steep tails and passing fronts stay within 1.5 times those of N = 1e80, without any."""
    calm = coherent(1e80)[1].steps
    for members, spectators in ((10**9, 0), (10**9, 1), (10**15, 0)):
        assert coherent(members, spectators)[1].steps < 1.5 * calm


def stiff() -> LatticeCounts:
    """A packet at rest whose steep tails, held to a leaving chance of 1e-6, take thousands of substeps in each step."""
    system = copympi.lattice(48, potential={"kind": "harmonic", "omega": 0.1})
    psi, turn = packets.amplitudes({"eigenstate": 0}, system)
    start = share_out(psi, turn, 10**24, 0.0, None, 1)
    accuracy = Accuracy(start.members, step=0.1, leaving_chance=1e-6)
    made = LatticeCounts(Alone(), system, start, accuracy, 2, 1)
    made.begin(record(1, 0.2))
    return made


def columns(made: LatticeCounts) -> dict[str, np.ndarray]:
    return {name: values.copy() for name, values in made.per_unit().items()}


def alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(values, other[name]) for name, values in one.items())


def test_a_step_of_many_substeps_can_be_left_and_saved_half_done() -> None:
    """So signals and the clock are heard within it. Null hypothesis: results do not depend on where it was left; a
    state saved in mid-step is that of the step's start, from which another ensemble comes to the same end."""
    whole = stiff()
    whole.pace.steps = 10**9
    assert not whole.advance()
    steps = int(whole.step.sum())
    assert whole.substeps.sum() > 1000 * steps  # or nothing is shown
    cut, saved, left = stiff(), [], 0
    more = True
    while more:
        cut.pace.steps = 5000
        before = columns(cut)
        more = cut.advance()
        done = int((cut.step - before["step"]).sum())
        assert done <= 5000 // 48  # a step takes as much as there are beables, and its substeps more
        left += cut.replicas.in_mid_step
        if cut.replicas.in_mid_step and done == 0:
            assert alike(columns(cut), before)
            saved.append(before)
    assert left > 10
    assert alike(columns(cut), columns(whole))
    for state in (saved[0], saved[len(saved) // 2]):
        other = stiff()
        other.pace.steps = 5000
        other.advance()  # a step of its own is under way, which is forgotten
        given = replace(other.state(), columns=state)
        other.restore(given, other.stop)
        while other.advance():
            pass
        assert alike(columns(other), columns(whole))


def test_a_fixed_step_that_blows_up_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"dynamics\.step = 4\.52389\d*: must be at most"):
        coherent(10**9, periods=0.01, records=1, step=0.01 * 2 * np.pi / OMEGA)


def test_a_spectrum_beyond_the_clock_is_said() -> None:
    system = copympi.lattice(32, potential={"kind": "harmonic", "omega": 1e12})
    with pytest.raises(DynamicsError, match="the step falls below what t = 0 can resolve"):
        copympi.simulate(
            system, packet={"centre": 0, "width": 3}, members=10**9, duration=100.0, representation="occupation",
            comm=Alone(),
        )  # fmt: skip


@pytest.mark.filterwarnings("ignore::copympi.FrozenStartWarning")
@pytest.mark.parametrize("tolerance", [1e-4, 1e-2])
def test_n_is_kept_beside_empty_beables(tolerance: float) -> None:
    """Nobody holds the second beable, so nobody can move: mean and deviation are equally large."""
    run = copympi.simulate(
        copympi.System([[0.3, 0.5], [0.5, -0.3]]), state=[1, 0], members=1e30, duration=20.0, tolerance=tolerance,
        representation="occupation", comm=Alone(),
    )  # fmt: skip
    assert np.abs(run.occupation[:, 0] / 1e30 - 1).max() < 1e-14
    assert np.all(run.occupation[:, 1] == 0)


@pytest.mark.parametrize(("spectators", "close"), [(1, 2e-6), (3_000_000, 2e-6), (10**14, 1e-3)])
def test_spectators_do_the_same_on_both_sides_of_2_63(spectators: int, close: float) -> None:
    """N = 9e18 as integers, 1e19 as mean and deviation: the same shares, where spectators are many to first order."""
    system = copympi.lattice(32, potential={"kind": "harmonic", "omega": 0.05})
    shares = []
    for members in (9 * 10**18, 10**19):
        run = copympi.simulate(
            system, packet={"centre": -4, "width": 2}, members=members,
            spectators=spectators * (members // 10**18) // 9, duration=20.0, interval=2.0,
            representation="occupation", comm=Alone(),
        )  # fmt: skip
        assert run.occupation.min() >= spectators
        shares.append(run.occupation / float(members))
    np.testing.assert_allclose(shares[0], shares[1], atol=close)


@pytest.mark.parametrize("shape", [(3, 400), (1400, 3)])
def test_thin_rings_and_scattered_pairs_are_alike(shape: tuple[int, int]) -> None:
    """Many short runs of pairs take another way through the sums, and the same occupations."""
    lattice = copympi.lattice(list(shape))
    rng = np.random.default_rng(4)
    psi = rng.standard_normal(lattice.P) + 1j * rng.standard_normal(lattice.P)
    order = rng.permutation(lattice.P)
    paths = []
    for system, state in ((lattice, psi), (copympi.System(lattice.hamiltonian[order][:, order]), psi[order])):
        run = copympi.simulate(
            system, state=state / np.linalg.norm(psi), members=1e80, duration=1.0, interval=0.5, tolerance=1e-7,
            representation="occupation", comm=Alone(),
        )  # fmt: skip
        paths.append(run.occupation)
    np.testing.assert_allclose(paths[0][:, order], paths[1], rtol=1e-6, atol=1e-9 * 1e80 / lattice.P)
