"""Smooth H(t) as constant Hamiltonians: bounds that hold, their order, and QuTiP's sesolve within the tolerance."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qutip
from numpy.typing import NDArray
from scipy.linalg import expm, logm

from copympi.engine.clock import record
from copympi.errors import InputError
from copympi.model import lattice, pulses
from copympi.model.build import composite
from copympi.model.build import lattice as lattice_system
from copympi.model.driven import Driven
from copympi.model.drives import Drive, constant, read, shaken, term
from copympi.model.evolving import evolves, split
from copympi.model.magnus import LEAN, LOOKS
from copympi.model.pulses import Function, named
from copympi.model.schedule import Filter, Schedule, Switch
from copympi.model.staircase import MOVED, PART, Bounds, Piece, staircase
from copympi.model.system import System
from copympi.theory.schrodinger import evolve
from tests import launch

SX, SZ = np.array([[0, 0.5], [0.5, 0]]), np.diag([0.5, -0.5])
TIGHT = {"atol": 1e-13, "rtol": 1e-11, "nsteps": 10**6, "method": "dop853"}
Complex = NDArray[np.complex128]


def hermitian(P: int, seed: int) -> Complex:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((P, P)) + 1j * rng.standard_normal((P, P))
    return np.asarray((A + A.conj().T) / 4)


def pulse(**given: Any) -> pulses.Named:
    return named(given, "pulse")


class Driving(Driven):
    """A driven system with its pulses."""

    def __init__(self, system: System, drives: Sequence[Drive]) -> None:
        super().__init__(system, [drive.term for drive in drives])
        self.drives, self.pulses = drives, [drive.pulse for drive in drives]


def pieces_of(driven: Driving, duration: float, interval: float, tolerance: float = 1e-4) -> list[Piece]:
    def share(k: int) -> float:
        return record(k, interval).share

    return staircase(driven.norms, driven.pulses, Bounds(interval, share, tolerance, 0.03 * MOVED), (0.0, duration))


def along(driven: Driving, pieces: Sequence[Piece], psi: Any, times: Sequence[float]) -> Complex:
    """Psi at ascending times, (T, P), of one constant Hamiltonian after the other."""
    now, state, out, k = 0.0, np.asarray(psi, complex), [], 0
    ends = [*(each.start for each in pieces[1:]), np.inf]
    for time in times:
        while now < time:
            end = min(time, ends[k])
            state = evolve(driven.at(pieces[k].coefficients), state, [end - now])[0]
            now, k = end, k + (end == ends[k])
        out.append(state)
    return np.array(out)


def qutip_psi(driven: Driving, psi: Any, times: Sequence[float], longest: float) -> Complex:
    """The same by QuTiP's sesolve."""

    def value(f: pulses.Pulse) -> Callable[[float], float]:
        return lambda t: float(f(np.array([t]))[0])

    terms = [[qutip.Qobj(drive.term.frequencies.toarray()), value(drive.pulse)] for drive in driven.drives]
    H = qutip.QobjEvo([qutip.Qobj(driven.system.frequencies.toarray()), *terms])
    start = qutip.Qobj(np.reshape(psi, (-1, 1)))
    found = qutip.sesolve(H, start, [0.0, *times], options={**TIGHT, "max_step": longest})
    return np.array([each.full().ravel() for each in found.states[1:]])


def test_the_sign_of_the_commutator_is_that_of_the_docs() -> None:
    """docs/theory.md, "Smooth drives": log of the evolution operator of a_0 + a_1 x, and of the two Hamiltonians."""
    text = (Path(__file__).parents[2] / "docs" / "theory.md").read_text(encoding="utf-8")
    signs = re.findall(r"h a_0 ([+-]) i \(h\^2/[26]\)", text)
    h, a0, a1, n = 0.1, hermitian(3, 6), hermitian(3, 7), 400
    want = h * a0 + {"+": 1j, "-": -1j}[signs[0]] * h**2 / 6 * (a0 @ a1 - a1 @ a0)
    smooth = np.eye(3, dtype=complex)
    for x in (np.arange(n) + 0.5) * 2 / n - 1:
        smooth = expm(-1j * h / n * (a0 + x * a1)) @ smooth
    two = expm(-0.5j * h * (a0 + 2 / 3 * a1)) @ expm(-0.5j * h * (a0 - 2 / 3 * a1))
    assert signs == [signs[0]] * 2
    for U in (smooth, two):
        assert np.abs(1j * logm(U) - want).max() < 0.02 * np.abs(want - h * a0).max()


def shaken_chain() -> tuple[Driving, Complex]:
    made = lattice_system(16, potential={"kind": "harmonic", "omega": 0.2}, boundary="open")
    assert made.lattice is not None
    x = made.lattice.positions[0]
    psi = np.exp(-(x**2) / 8) + 0.01 * (1 + 0j)
    shake = shaken(0.1 * x, pulse(shape="cosine", amplitude=1.0, frequency=0.05, phase=0.3), made)
    return Driving(made, [shake]), psi / np.linalg.norm(psi)


def rabi() -> tuple[Driving, Complex]:
    drive = term(SX, pulse(shape="gaussian", centre=3.0, width=0.5, height=2.5066), System(SZ))
    return Driving(System(SZ), [drive]), np.array([1.0, 0.0], complex)


def two_drives() -> tuple[Driving, Complex]:
    H0 = System(hermitian(4, 1))
    window = pulse(shape="cosine", amplitude=1.0, frequency=0.5, window=[0.33, 2.71])
    bump = pulse(shape="gaussian", centre=1.5, width=0.4, height=0.8)
    psi = np.array([0.5, 0.5j, -0.5, 0.5])
    return Driving(H0, [term(hermitian(4, 2), window, H0), term(hermitian(4, 3), bump, H0)]), psi


def kinked() -> tuple[Driving, Complex]:
    """A function from Python with a kink and a jump that nobody tells of."""
    H0 = System(hermitian(3, 4))
    drive = term(hermitian(3, 5), Function(lambda t: abs(t - 1.234) + (t > 0.777), "f"), H0)
    return Driving(H0, [drive]), np.array([1.0, 1.0, 1.0], complex) / np.sqrt(3)


CASES: dict[str, tuple[Callable[[], tuple[Driving, Complex]], float, float]] = {
    "Rabi": (rabi, 6.0, 0.5),
    "two drives": (two_drives, 3.0, 0.25),
    "chain": (shaken_chain, 10.0, 1.0),
    "kink": (kinked, 2.0, 0.25),
}


@pytest.mark.parametrize("name", CASES)
def test_within_its_part_of_the_tolerance_of_sesolve(name: str) -> None:
    make, duration, interval = CASES[name]
    driven, psi = make()
    times = [k * interval for k in range(1, round(duration / interval) + 1)]
    exact = np.abs(qutip_psi(driven, psi, times, 0.02)) ** 2
    for tolerance in (1e-3, 1e-5):
        pieces = pieces_of(driven, duration, interval, tolerance)
        off = np.abs(np.abs(along(driven, pieces, psi, times)) ** 2 - exact).max()
        assert off < PART * tolerance, (tolerance, len(pieces))
        assert len(pieces) < 1500
        longer = pieces_of(driven, 1.5 * duration, interval, tolerance)
        assert longer[: len(pieces)] == pieces  # a longer run begins alike
    if name == "two drives":
        assert 0.33 in [each.start for each in pieces]
        assert all(each.coefficients[0] == 0.0 for each in pieces if each.start >= 2.71 or each.start < 0.33)
    if name == "kink":
        jump = [b.start for a, b in pairwise(pieces) if b.coefficients[0] - a.coefficients[0] > 0.5]
        assert len(jump) == 1
        assert jump[0] == pytest.approx(0.777, abs=1e-8)


def test_landau_and_zener() -> None:
    """A ramp through an avoided crossing of gap 1 at speed 2: exp(-pi gap^2/(2 speed)) stay where they were.

    At a finite start and end the formula is off by about gap/(2 speed T), the last ripples.
    """
    T, speed = 12.0, 2.0
    ramp = pulse(shape="ramp", start=0.0, end=2 * T, to=speed * T, **{"from": -speed * T})
    driven = Driving(System(SX), [term(SZ, ramp, System(SX))])
    pieces = pieces_of(driven, 2 * T, 0.5, 1e-3)
    end = np.abs(along(driven, pieces, [1.0, 0.0], [2 * T])[0, 0]) ** 2
    assert end == pytest.approx(np.exp(-np.pi / (2 * speed)), abs=1.0 / (speed * T))
    assert np.abs(end - np.abs(qutip_psi(driven, [1.0, 0.0], [2 * T], 0.01)[0, 0]) ** 2) < PART * 1e-3


def exact_step(driven: Driving, begin: float, h: float) -> Complex:
    """The operator over a step, by 2000 steps of fourth order each, from a slow formula of its own."""
    parts = [driven.system.frequencies.toarray(), *(drive.term.frequencies.toarray() for drive in driven.drives)]
    U, n = np.eye(parts[0].shape[0], dtype=complex), 200
    for k in range(n):
        a = begin + h * k / n + h / n * (0.5 + np.array([-1, 1]) * np.sqrt(3) / 6)
        f = np.array([np.ones(2), *(p(a) for p in driven.pulses)])
        W1, W2 = (np.tensordot(f[:, i], parts, 1) for i in (0, 1))
        for w in ((0.25 + np.sqrt(3) / 6, 0.25 - np.sqrt(3) / 6), (0.25 - np.sqrt(3) / 6, 0.25 + np.sqrt(3) / 6)):
            U = expm(-1j * h / n * (w[0] * W1 + w[1] * W2)) @ U
    return U


@pytest.mark.parametrize("name", ["Rabi", "two drives"])
def test_bounds_hold_and_fall_as_they_should(name: str) -> None:
    """The operator of a step: never farther off than the bounds; third order locally with one, fifth with two."""
    driven, _ = CASES[name][0]()
    begin, off, said = (2.3 if name == "Rabi" else 0.9), [], []
    for h in (0.2, 0.1, 0.05):
        step = driven.norms.step(np.column_stack([p(begin + 0.5 * h * (1 + LOOKS)) for p in driven.pulses]), h)
        U = exact_step(driven, begin, h)

        def over(c: NDArray[np.float64], t: float) -> Complex:
            return np.asarray(expm(-1j * t * driven.at(c).frequencies.toarray()))

        one = over(step.mean, h)
        two = over(step.mean + LEAN * step.slope, h / 2) @ over(step.mean - LEAN * step.slope, h / 2)
        off.append([np.linalg.norm(U - one, 2), np.linalg.norm(U - two, 2)])
        said.append([step.one, step.two])
    assert np.all(np.array(off) < np.array(said))
    assert np.all(np.array(said)[:, 0] < 5 * np.array(off)[:, 0])  # no idle bounds
    assert np.all(np.array(said)[:, 1] < 50 * np.array(off)[:, 1])
    orders = np.log2(np.array(off)[:-1] / np.array(off)[1:])
    assert orders[-1] == pytest.approx([3.0, 5.0], abs=0.3)


def test_norms_of_many_beables_bound_the_exact_ones() -> None:
    made = lattice_system(70, potential={"kind": "harmonic", "omega": 0.1})
    assert made.lattice is not None
    V = np.sin(made.lattice.positions[0])
    rough = Driven(made, [shaken(V, pulse(shape="constant", height=1.0), made).term]).norms
    W0, W1 = made.frequencies.toarray(), np.diag(V)
    assert rough.spread[0] >= 0.5 * np.ptp(np.linalg.eigvalsh(W0))
    assert rough.spread[1] == pytest.approx(0.5 * np.ptp(V))
    once = W0 @ W1 - W1 @ W0
    twice = W0 @ once - once @ W0
    assert rough.commutators[0, 1] >= np.linalg.norm(once, 2)
    assert rough.commutators[0, 1] * rough.enlarging(np.array([1.0, 0.0])) >= np.linalg.norm(twice, 2)
    assert rough.commutator(np.array([1.0, 2.0]), np.array([2.0, 4.0])) == 0.0


def noise(driven: Driving, pieces: Sequence[Piece], psi: Complex, duration: float) -> tuple[float, float]:
    """Of two levels: copies per member, and N times the variance of n_0/N that they leave, at the end.

    Every copy moves a member; d rho is carried on to the end as the mean field carries what it changes in Psi.
    """
    n = 2000
    t = (np.arange(n) + 0.5) * duration / n
    c = along(driven, pieces, psi, t)
    starts = np.array([each.start for each in pieces])
    W = np.array(
        [driven.at(pieces[k].coefficients).frequencies.toarray()[0, 1] for k in np.searchsorted(starts, t) - 1]
    )
    flow = np.abs(2 * np.imag(c[:, 0].conj() * W * c[:, 1]))
    # the operator that orthogonal states share: columns of U(t) from two starts
    other = along(driven, pieces, [-psi[1].conj(), psi[0].conj()], t)
    end = (
        along(driven, pieces, psi, [duration])[0],
        along(driven, pieces, [-psi[1].conj(), psi[0].conj()], [duration])[0],
    )
    delta = np.array([c[:, 0] / np.abs(c[:, 0]) ** 2, -c[:, 1] / np.abs(c[:, 1]) ** 2]).T / 2  # of Psi, by one copy
    amplitude = np.array([np.sum(c.conj() * delta, 1), np.sum(other.conj() * delta, 1)])
    last = amplitude[0] * end[0][0] + amplitude[1] * end[1][0]
    shift = 2 * np.real(end[0][0].conj() * last)
    return float(flow.sum() * duration / n), float((flow * shift**2).sum() * duration / n)


def test_noise_is_that_of_the_smooth_hamiltonian() -> None:
    """Copies and the variance they leave, with the default bounds against very narrow ones: flows turn round here."""
    H0 = System(SZ + 0.2 * SX)
    driven = Driving(H0, [term(SX, pulse(shape="cosine", amplitude=1.0, frequency=0.25), H0)])
    psi = np.sqrt([0.7, 0.3]).astype(complex)
    coarse, fine = pieces_of(driven, 6.0, 0.5), pieces_of(driven, 6.0, 0.02, 1e-7)
    assert 24 < len(coarse) < 200 < 500 < len(fine)
    copies, variance = noise(driven, coarse, psi, 6.0)
    assert (copies, variance) == pytest.approx(noise(driven, fine, psi, 6.0), rel=2e-4)


def test_pieces_of_pulses_that_stand_still() -> None:
    """A constant pulse keeps its value, is no reason for a piece, and ends in a piece where its window does."""
    H0 = System(SZ)
    drive = term(SX, pulse(shape="constant", height=0.1, window=[0.35, 1.0]), H0)
    assert pieces_of(Driving(H0, [drive]), 2.0, 0.1) == [Piece(0.0, (0.0,)), Piece(0.35, (0.1,)), Piece(1.0, (0.0,))]
    tail = term(SX, pulse(shape="gaussian", centre=0.0, width=0.1, height=1.0), H0)
    pieces = pieces_of(Driving(H0, [tail]), 100.0, 0.1)
    assert pieces[-1].coefficients == (0.0,)
    assert pieces[-1].start < 1.0


def test_systems_of_a_driven_one_are_what_they_stand_for() -> None:
    """Elements that vanish at a value of the pulse are gone, lattices have their potential, names stay."""
    H0 = System([[1.0, 0.5], [0.5, -1.0]], hbar=2.0, labels=["up", "down"])
    driven = Driving(H0, [term([[0.0, 1.0], [1.0, 0.5]], pulse(shape="constant", height=1.0), H0)])
    for c in (-0.5, 0.0, 0.3):
        made, same = driven.at([c]), System([[1.0, 0.5 + c], [0.5 + c, -1.0 + 0.5 * c]], hbar=2.0)
        assert np.array_equal(made.hamiltonian.toarray(), same.hamiltonian.toarray())
        assert (made.pairs, list(made.labels), made.hbar, made.P) == (1, ["up", "down"], 2.0, 2)
        assert (made.couplings.shift, made.couplings.entries) == (same.couplings.shift, same.couplings.entries)
    chain, _ = shaken_chain()
    first = chain.at([0.5])
    assert isinstance(first.lattice, lattice.Lattice)
    assert np.allclose(first.hamiltonian.toarray(), first.lattice.hamiltonian().toarray(), rtol=0, atol=1e-15)


def test_a_schedule_goes_on_under_the_pulses() -> None:
    """Switches of H_0 and filters keep their times; pulses go on; what the run does not reach stays as it is."""
    H0, H1 = System(SZ), System(2 * SZ)
    steady = term(SX, pulse(shape="constant", height=0.3, window=[0.25, 9.0]), H0)
    bounds = Bounds(0.5, lambda k: record(k, 0.5).share, 1e-4, 0.03 * MOVED)
    given = Schedule((Filter(0.7, (0,)), Switch(1.2, H1), Switch(5.0, H0)))
    first, made = constant(H0, [steady], given, bounds, 2.0)
    assert np.array_equal(first.hamiltonian.toarray(), SZ)
    assert [each.at for each in made] == [0.25, 0.7, 1.2, 5.0]
    assert made.entries[1] == given.entries[0]
    for k, H in ((0, SZ + 0.3 * SX), (2, 2 * SZ + 0.3 * SX)):
        entry = made.entries[k]
        assert isinstance(entry, Switch)
        assert np.allclose(entry.system.hamiltonian.toarray(), H, rtol=0, atol=1e-15)
    ramp = pulse(shape="ramp", start=0.0, end=3.0, to=1.0, **{"from": 0.0})
    steep = constant(H0, [term(SX, ramp, H0)], given, bounds, 2.0)[1]
    assert {0.7, 1.2} <= {each.at for each in steep}
    assert [each.at for each in steep] == [each.at for each in steep.on_records(0.5)]  # far enough apart


def same_drive(given: Any, want: Complex, t: float, args: dict[str, Any] | None = None) -> None:
    """What Python gave comes to this H at this time."""
    system, drives = split(given, args, 2.0)
    H = system.hamiltonian.toarray().astype(complex)
    for drive in drives:
        H = H + drive.pulse(np.array([t]))[0] * drive.term.hamiltonian.toarray()
    assert np.allclose(H, want, rtol=0, atol=1e-14)


def test_hamiltonians_of_time_from_python() -> None:
    """Lists, functions of (t, args), a drive that turns in the complex plane, QobjEvo, a lattice, pulses by name."""
    up = np.array([[0, 1], [0, 0]], complex)
    H = SZ + np.cos(0.6) * SX
    same_drive([SZ, [SX, lambda t: np.cos(2 * t)]], H, 0.3)
    same_drive([SZ, [SX, lambda t, args: np.cos(args["w"] * t)]], H, 0.3, {"w": 2.0})
    same_drive([System(SZ), (qutip.Qobj(SX), lambda t, w: np.cos(w * t))], H, 0.3, {"w": 2.0})
    same_drive([SZ, [SX, lambda t, **names: np.cos(names["w"] * t)]], H, 0.3, {"w": 2.0})
    same_drive([SZ, [SX, lambda t, v, w=1.0, **names: v * np.cos(w * t)]], H, 0.3, {"w": 2.0, "v": 1.0, "u": 0.0})
    same_drive([[SX, lambda t: t]], 0.3 * SX, 0.3)
    same_drive([SZ, SX, [SX, {"shape": "constant", "height": 2.0}]], SZ + 3 * SX, 0.3)
    evo = qutip.QobjEvo([qutip.Qobj(SZ), [qutip.Qobj(SX), lambda t: np.cos(2 * t)]])
    same_drive(evo, H, 0.3)
    turning = [SZ, [up, lambda t: np.exp(2j * t)], [up.T, lambda t: np.exp(-2j * t)]]
    same_drive(turning, SZ + np.exp(0.6j) * up + np.exp(-0.6j) * up.T, 0.3)
    made = lattice_system(8)
    assert made.lattice is not None
    x = made.lattice.positions[0]
    for V in (x, np.diag(x), lambda x: x):
        same_drive([made, [V, lambda t: t]], made.hamiltonian.toarray() + 0.3 * np.diag(x), 0.3)
    assert not any(evolves(each) for each in ([[0, 1], [1, 0]], [["0", "1j"], ["-1j", "0"]], SZ, System(SZ)))
    assert all(evolves(each) for each in (evo, turning, [made, [x, "sin(t)"]]))


def test_where_hbar_names_and_lattices_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first System, or Qobj, of a list, wherever it stands; a lattice stays one under diagonal constants."""
    monkeypatch.setitem(qutip.settings.compile.options, "use_cython", False)  # it takes seconds to compile a string
    named = System(SZ, 2.0, ["up", "down"])
    for given in ([[named, np.sin]], [named, SZ, [SX, np.sin]], [0 * SZ, [named, np.sin]], [named, [SX, "1 + 0*t"]]):
        system, drives = split(given, None, 1.0)
        assert (system.hbar, list(system.labels)) == (2.0, ["up", "down"])
        assert {drive.term.hbar for drive in drives} == {2.0}
    pair = [qutip.tensor(qutip.Qobj(H), qutip.qeye(2)) for H in (SX, SZ)]
    driven = [[H, np.sin] for H in pair]
    for given in (driven, qutip.QobjEvo(driven), [*pair, driven[0]]):
        parts = split(given, None, 1.0)[0].parts
        assert parts is not None
        assert parts.dims == (2, 2)
    made = lattice_system(8, potential={"kind": "harmonic", "omega": 0.1})
    assert made.lattice is not None
    x = made.lattice.positions[0]
    for V in (x, np.diag(x)):
        assert split([made, [V, "1 + 0*t"]], None, 1.0)[0].lattice is not None
    tilted = split([made, np.diag(x), [x, np.sin]], None, 1.0)[0]
    assert tilted.lattice is not None
    assert np.allclose(tilted.lattice.potential, made.lattice.potential + x, rtol=0, atol=1e-14)
    assert np.allclose(tilted.hamiltonian.toarray(), made.hamiltonian.toarray() + np.diag(x), rtol=0, atol=1e-14)


def test_what_is_no_hamiltonian_of_time_is_refused() -> None:
    up = np.array([[0, 1], [0, 0]])
    bad: list[tuple[Any, str]] = [
        ([SZ, [up, np.sin]], r"system = .*H\(t = .*must be Hermitian"),
        ([SZ, [SX, lambda t: 1j]], r"must be Hermitian"),
        ([SZ, [np.eye(3), np.sin]], r"system\[1\]\.hamiltonian = .*must have as many as the system: 2"),
        ([System(SZ, 3.0), [System(SX, 2.0), np.sin]], r"system = \"hbar = 2\": must have the hbar of the first"),
        ([SZ, np.eye(3), [SX, np.sin]], r"H of shape \(3, 3\).*must have the shape of the constant H before it"),
        ([SZ, [SX, "cos(t"]], r"\['cos\(t'\]: cannot be read by QuTiP"),
        ([SZ, [SX, lambda t: "a"]], r"a function of t = .*must give a number"),
        ([SZ, [SX, {"shape": "square"}]], r"system\[1\]\[1\]\.shape = .*no such shape"),
        (qutip.QobjEvo(lambda t: t * qutip.sigmax()), r"must be a sum of constant operators times functions"),
    ]
    for given, said in bad:
        with pytest.raises(InputError, match=said) as refused:
            split(given, None, 1.0)
        assert "\n" not in str(refused.value)


WRONG = [
    ({}, 'pulse = "(left out)": must be given'),
    ({"pulse": {}}, 'pulse.shape = "(left out)": must be given: constant, gaussian, cosine, ramp'),
    ({"pulse": {"shape": "gausian"}}, "no such shape of a pulse; the nearest is 'gaussian'"),
    ({"pulse": {"shape": "gaussian", "centre": 0.0, "height": 1.0}}, 'pulse.width = "(left out)": must be given'),
    ({"pulse": {"shape": "gaussian", "centre": 0.0, "height": 1.0, "width": -1}}, "must be a positive number"),
    ({"pulse": {"shape": "constant", "height": "big"}}, 'pulse.height = "big": must be a finite number'),
    (
        {"pulse": {"shape": "constant", "height": 1, "window": [1, 0]}},
        "pulse.window = [1, 0]: must end after it starts",
    ),
    ({"pulse": {"shape": "ramp", "from": 0, "to": 1, "start": 2, "end": 2}}, "pulse.end = 2.0: must be after start"),
    ({"pulse": {"shape": "constant", "height": 1}, "sign": 1}, "no such key; the nearest is"),
    ({"pulse": {"shape": "constant", "height": 1}}, "must have one of hamiltonian, potential"),
    ({"pulse": {"shape": "constant", "height": 1}, "terms": []}, 'must go with builder = "composite"'),
    ({"pulse": {"shape": "constant", "height": 1}, "potential": "free"}, 'must go with builder = "lattice"'),
    ({"pulse": {"shape": "constant", "height": 1}, "hamiltonian": [[0, 1], [2, 0]]}, "must be Hermitian; |H[0,1]"),
    ({"pulse": {"shape": "constant", "height": 1}, "hamiltonian": [[0.0]]}, "must have as many as the system: 2"),
]


@pytest.mark.parametrize(("given", "said"), WRONG, ids=[said for _, said in WRONG])
def test_bad_drives_are_refused_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        read([given], System(SZ))
    assert str(refused.value).startswith("system.drive[0]")
    assert "\n" not in str(refused.value)


def test_terms_of_a_composite_are_driven() -> None:
    parts = [{"name": name, "dimension": 2} for name in "AB"]
    made = composite(parts, [{"on": ["A", "B"], "operator": "sz*sz"}])
    one = {"terms": [{"on": "B", "operator": "sx", "strength": 0.5}], "pulse": {"shape": "constant", "height": 1}}
    (drive,) = read([one], made)
    assert np.array_equal(drive.term.hamiltonian.toarray(), np.kron(np.eye(2), SX))
    assert Driven(made, [drive.term]).at([0.3]).parts == made.parts


def test_functions_that_are_no_pulses_are_refused() -> None:
    H0 = System(SZ)
    for value in (np.nan, 1j, "x", None):
        f: Any = lambda t, value=value: value  # noqa: E731
        with pytest.raises(InputError, match=r"f = .*: must be a (finite real )?number, at t = "):
            pieces_of(Driving(H0, [term(SX, Function(f, "f"), H0)]), 1.0, 0.1)
    wild = pulse(shape="cosine", amplitude=1.0, frequency=1e9)
    with pytest.raises(InputError, match=r"must vary less: more than 1,000,000 constant Hamiltonians"):
        pieces_of(Driving(H0, [term(SX, wild, H0)]), 1.0, 0.1)


def test_functions_take_their_parameters() -> None:
    args = {"w": 2.0}
    assert pulses.function(lambda t: t, "f")(3.0) == 3.0
    assert pulses.function(lambda t, args: t * args["w"], "f", args)(3.0) == 6.0
    assert pulses.function(lambda t, w: t * w, "f", args)(3.0) == 6.0
    assert pulses.function(lambda t, w=5.0: t * w, "f")(3.0) == 15.0
    assert pulses.function(np.sin, "f")(0.0) == 0.0
    with pytest.raises(InputError, match="args has no 'b'"):
        pulses.function(lambda t, a, b: t, "f", {"a": 1})
    with pytest.raises(InputError, match="must be a function of t"):
        pulses.function("sin(t)", "f")


def test_drive_of_a_lattice_is_a_potential() -> None:
    made = lattice_system(8)
    one = pulse(shape="constant", height=1.0)
    found = term(np.diag(np.arange(8.0)), one, made)
    assert np.array_equal(found.term.frequencies.diagonal(), np.arange(8.0))
    with pytest.raises(InputError, match="must be diagonal on a lattice"):
        term(np.ones((8, 8)), one, made)


def test_driven_systems_of_a_run_keep_little_together() -> None:
    """One bound for all H_0 of a run, unless a later one has larger matrices; after a pickle too."""
    drive = term(SX, pulse(shape="cosine", amplitude=1.0, frequency=0.5), System(SZ))
    bounds = Bounds(0.5, lambda k: record(k, 0.5).share, 1e-4, 0.03 * MOVED)
    given = Schedule(tuple(Switch(0.2 * k, System(k * SZ)) for k in range(1, 5)))
    first, made = pickle.loads(pickle.dumps(constant(System(SZ), [drive], given, bounds, 1.0)))
    driven = {id(each.driven): each.driven for each in (first, *made.systems)}.values()
    assert len(driven) == 5
    kept = {id(each.kept): each.kept for each in driven}
    assert len(kept) == 1
    for each in made.systems:
        assert np.array_equal(each.frequencies.toarray(), each.driven.made(each.coefficients).frequencies.toarray())
    (one,) = kept.values()
    assert one.systems.cache_info().currsize == len(made.systems) < one.most < 3000
    large = [Driven(System(np.eye(64)), [System(np.ones((64, 64)))], one) for _ in range(2)]
    assert [each.kept.most for each in large] == [int(3e7 / (1e4 + 80 * 64**2 + 6400))] * 2


CARRIED = """
import hashlib
import numpy as np, scipy.sparse as sp
from copympi.model.carried import Carried
P = 30_000  # BLAS shares out vectors of more than 10,000 numbers
psi = np.exp(0.3j * np.arange(P)) * (1 + np.arange(P) % 7)
ones = np.ones(P - 1, complex)
at = Carried([sp.diags_array([ones, ones], offsets=[1, -1], format="csr")], psi / np.sqrt(np.sum(np.abs(psi) ** 2)))
at.go([], 0.5, 2.0)
print(hashlib.sha256(at.state.tobytes()).hexdigest(), at.errors(np.array([[1.0], [0.2], [0.1], [0.1]]), 0.1))
"""


def test_psi_along_drives_does_not_depend_on_threads_of_blas() -> None:
    said = []
    for threads in ("1", "2"):
        env = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        done = launch.run([sys.executable, "-c", CARRIED], env=env)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1] != ""
