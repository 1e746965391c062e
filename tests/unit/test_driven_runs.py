"""Runs under a smooth H(t): against QuTiP, from configs and from Python, resumed, read again, in another basis."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qutip
from numpy.typing import NDArray

import copympi
from copympi import InputError
from copympi.model.driven import Segment
from copympi.report import run_info
from copympi.run import plan, settings
from copympi.storage import reading

SX, SY, SZ = np.array([[0, 0.5], [0.5, 0]]), np.array([[0, -0.5j], [0.5j, 0]]), np.diag([0.5, -0.5])
N = 10**14
PSI = [0.6, 0.8j]
GAUSSIAN = {"shape": "gaussian", "centre": 1.5, "width": 0.4, "height": 2.0}
TIGHT = {"atol": 1e-12, "rtol": 1e-10, "nsteps": 10**6, "max_step": 0.02}
CONFIG = """
[system]
hamiltonian = [[0.5, 0], [0, -0.5]]
[[system.drive]]
hamiltonian = [[0, 0.5], [0.5, 0]]
pulse = {shape = "gaussian", centre = 1.5, width = 0.4, height = 2.0}
[[system.drive]]
hamiltonian = [[0, "-0.5j"], ["0.5j", 0]]
pulse = {shape = "cosine", amplitude = 0.5, frequency = 0.3, window = [0.37, 2.0]}
[preparation]
members = 1e14
state = [0.6, "0.8j"]
[dynamics]
duration = 3.0
[output]
interval = 0.25
"""


def gaussian(t: float) -> float:
    return 2.0 * math.exp(-0.5 * ((t - 1.5) / 0.4) ** 2)


def cosine(t: float, args: dict[str, float]) -> float:
    return 0.5 * math.cos(2 * math.pi * args["frequency"] * t) if 0.37 <= t < 2.0 else 0.0


def sesolve(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """|Psi|^2 by QuTiP for CONFIG."""

    def window(t: float) -> float:
        return cosine(t, {"frequency": 0.3})

    H = qutip.QobjEvo([qutip.Qobj(SZ), [qutip.Qobj(SX), gaussian], [qutip.Qobj(SY), window]])
    psi = qutip.Qobj(np.reshape(PSI, (2, 1)))
    return np.array([np.abs(each.full().ravel()) ** 2 for each in qutip.sesolve(H, psi, times, options=TIGHT).states])


def simulate(system: Any, **more: Any) -> copympi.Run:
    said = {"state": PSI, "members": N, "duration": 3.0, "interval": 0.25, "seed": 1}
    return copympi.simulate(system, **(said | more))


def test_config_and_python_give_the_same_run_within_the_tolerance_of_sesolve(tmp_path: Path) -> None:
    """Tables in TOML, a list with functions of t and of (t, args), and both from Python: the same bits."""
    file = tmp_path / "driven.toml"
    file.write_text(CONFIG)
    job = plan.from_file(file, [], None, 1.0)
    functions = [SZ, [SX, gaussian], [SY, cosine]]
    run = simulate(functions, args={"frequency": 0.3})
    assert [(each.at, each.system.coefficients) for each in run.schedule.switches if isinstance(each.system, Segment)]
    assert 2.0 in [each.at for each in run.schedule]
    ours = [each.at for each in job.schedule]
    assert 0.37 in ours
    exact = sesolve(run.time)
    tables = simulate(
        [SZ, [SX, GAUSSIAN], [SY, {"shape": "cosine", "amplitude": 0.5, "frequency": 0.3, "window": [0.37, 2.0]}]]
    )
    assert [each.at for each in tables.schedule] == ours
    for each in (run, tables):
        assert np.abs(each.occupation / N - exact).max() < 1e-4 / 10
        assert np.abs(each.schrodinger - exact).max() < 1e-4 / 10
    finer = simulate(functions, args={"frequency": 0.3}, tolerance=1e-7)
    assert np.abs(finer.schrodinger - exact).max() < 2e-8
    assert np.abs(finer.occupation / N - exact).max() < 1e-6  # the noise of 10^14


def test_a_run_that_is_made_longer_has_the_bits_of_one_that_was_long(tmp_path: Path) -> None:
    long = simulate([SZ, [SX, gaussian]])
    simulate([SZ, [SX, gaussian]], duration=1.5, output=tmp_path / "a")
    again = simulate([SZ, [SX, gaussian]], output=tmp_path / "a", resume=True)  # as it stands in the file
    assert np.array_equal(long.occupation, again.occupation)
    assert np.array_equal(long.phase, again.phase)
    assert [each.at for each in again.schedule] == [each.at for each in long.schedule]
    assert np.array_equal(again.schrodinger, long.schrodinger)

    def asked(f: Callable[[float], float]) -> dict[str, Any]:
        sections = {"preparation": {"members": N, "state": PSI}, "dynamics": {"duration": 3.0}, "output": {}}
        return plan.from_keywords([SZ, [SX, f]], sections, None, None, 1.0).settings

    settings.compare(asked(gaussian), asked(lambda t: gaussian(t)), tmp_path)
    with pytest.raises(InputError, match=r"schedule = .* was at = .* when .* was written") as refused:
        settings.compare(asked(gaussian), asked(lambda t: 1.01 * gaussian(t)), tmp_path)
    assert "\n" not in str(refused.value)
    written = tmp_path / "again.toml"
    with_functions = str(again.config["system"]["drive"])
    assert with_functions == "functions of time from Python"
    head, rest = CONFIG.split("[[system.drive]]")[0], CONFIG[CONFIG.index("[preparation]") :]
    written.write_text(f'{head}drive = "{with_functions}"\n{rest}')
    with pytest.raises(
        InputError, match=r'again\.toml: system\.drive = "functions of time from Python": cannot be had'
    ):
        plan.from_file(written, [], None, 1.0)


def test_another_basis_turns_drives_too() -> None:
    """In the eigenstates of sx: populations are those of the state there."""
    U = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    run = simulate([SZ, [SX, gaussian], [SY, cosine]], args={"frequency": 0.3}, basis=U)
    plain = simulate([SZ, [SX, gaussian], [SY, cosine]], args={"frequency": 0.3})
    turned = simulate(
        [U @ SZ @ U, [U @ SX @ U, gaussian], [U @ SY @ U, cosine]], args={"frequency": 0.3}, state=U @ np.array(PSI)
    )
    assert np.abs(run.occupation - turned.occupation).max() / N < 1e-6
    assert np.abs(run.occupation - plain.occupation).max() / N > 0.1


MORE: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "members": lambda: ([SZ, [SX, gaussian]], {"members": 2000, "representation": "members"}),
    "exact": lambda: ([SZ, [SX, gaussian]], {"members": 2000, "method": "exact"}),
    "phases": lambda: ([SZ, [SX, gaussian]], {"members": 2000, "phase_spread": 0.01}),
}


@pytest.mark.parametrize("name", MORE)
def test_few_members_follow_too(name: str) -> None:
    """Null hypothesis: n_0/N at the end has the mean field's mean and about its noise; five sigma (0.02) of 2000."""
    system, more = MORE[name]()
    run = simulate(system, **more)
    exact = simulate(system).schrodinger[-1]
    assert run.occupation[-1, 0] / run.occupation[-1].sum() == pytest.approx(exact[0], abs=0.06)


def test_a_shaken_lattice_goes_with_its_state(tmp_path: Path) -> None:
    """Of many beables errors are judged on Psi: fewer Hamiltonians, as close to sesolve."""
    made = copympi.lattice(70, potential={"kind": "harmonic", "omega": 0.1}, boundary="open")
    assert made.lattice is not None
    x = made.lattice.positions[0]
    shake = {"shape": "cosine", "amplitude": 1.0, "frequency": 0.04}
    said = {"state": None, "packet": {"centre": 3, "width": 3}, "spectators": 1, "members": 10**9, "duration": 6.0}
    run = simulate([made, [0.02 * x, shake]], **said, interval=1.0, output=tmp_path / "r")  # as it stands in the file
    assert 6 < len(run.schedule) < 60
    last = run.schedule.switches[-1].system
    assert last.lattice is not None
    assert np.allclose(last.hamiltonian.toarray(), last.lattice.hamiltonian().toarray(), rtol=0, atol=1e-14)
    H = [
        qutip.Qobj(made.hamiltonian.toarray()),
        [qutip.Qobj(np.diag(0.02 * x)), lambda t: math.cos(0.08 * math.pi * t)],
    ]
    start = qutip.Qobj(run._start.reshape(-1, 1))
    states = qutip.sesolve(qutip.QobjEvo(H), start, run.time, options=TIGHT | {"max_step": 0.1}).states
    exact = np.array([np.abs(each.full().ravel()) ** 2 for each in states])
    assert np.abs(run.schrodinger - exact).max() < 0.2e-4


def test_a_schedule_beside_drives() -> None:
    """H_0 is switched, the pulse goes on."""
    run = simulate([SZ, [SX, gaussian]], schedule=[(1.3, 2 * SZ)])
    H = qutip.QobjEvo([qutip.Qobj(SZ), [qutip.Qobj(SX), gaussian], [qutip.Qobj(SZ), lambda t: float(t >= 1.3)]])
    states = qutip.sesolve(H, qutip.Qobj(np.reshape(PSI, (2, 1))), run.time, options=TIGHT | {"max_step": 0.002}).states
    exact = np.array([np.abs(each.full().ravel()) ** 2 for each in states])
    assert np.abs(run.occupation / N - exact).max() < 1e-4


def test_jobs_and_runs_go_to_other_ranks(tmp_path: Path) -> None:
    """As mpi.from_root sends them: the Job of a config, and the Run that is read from a folder."""
    (tmp_path / "c.toml").write_text(CONFIG.replace("duration = 3.0", "duration = 0.5"))
    job = plan.from_file(tmp_path / "c.toml", [], tmp_path / "out", 1.0)
    again = pickle.loads(pickle.dumps(job, protocol=5))
    assert again.settings == job.settings
    assert len({id(each.driven) for each in (again.system, *again.schedule.systems)}) == 1
    for was, now in zip(job.schedule.systems, again.schedule.systems, strict=True):
        assert np.array_equal(was.frequencies.toarray(), now.frequencies.toarray())
        assert was.couplings.shift == now.couplings.shift
    run = simulate([SZ, [SX, gaussian]], duration=0.5, output=tmp_path / "r")
    read = copympi.load(tmp_path / "r")
    again = pickle.loads(pickle.dumps(read))
    assert np.array_equal(again.schrodinger, run.schrodinger)


def test_drives_in_a_schedule_are_refused() -> None:
    for H in (qutip.QobjEvo([qutip.Qobj(SZ), [qutip.Qobj(SX), gaussian]]), [SZ, [SX, gaussian]]):
        with pytest.raises(InputError, match=r"schedule\[0\]\.hamiltonian = .*drives belong to system, not to sched"):
            simulate(SZ, schedule=[(1.0, H)])


def test_entries_are_named_by_their_place_in_the_users_list() -> None:
    """Constant Hamiltonians of drives stand between them in the schedule, and are nobody's."""
    given: list[Any] = [(0.5, 2 * SZ), {"at": 0.8, "filter": [0]}, {"at": 0.9, "filter": [1]}, (4.0, SZ)]
    with pytest.warns(copympi.ScheduleWarning) as said:
        run = simulate([SZ, [SX, gaussian]], duration=1.0, schedule=given)
    assert len(run.schedule) > 6
    told = [str(each.message) for each in said]
    for begin in ("schedule[3].at = 4 is not before", "schedule[1]: nothing can move", "schedule[2]: the filter at"):
        assert any(each.startswith(begin) for each in told), (begin, told)
    was, now = (
        {"dynamics.duration": 1.0, "schedule": [[0.3, "[1.0], H0 + drives with digest 0"], [0.8, f"filter [{k}]"]]}
        for k in (0, 1)
    )
    with pytest.raises(InputError, match=r'schedule = "at = 0.8, filter \[1\]": was at = 0.8, filter \[0\] when'):
        settings.compare(was, now, Path("old"))


def test_info_tells_of_drives_and_filters(tmp_path: Path) -> None:
    given = [{"at": 0.8, "filter": [0]}, {"at": 4.0, "filter": [0]}, (5.0, SZ)]
    with pytest.warns(copympi.ScheduleWarning):
        run = simulate([SZ, [SX, gaussian]], duration=1.0, schedule=given, output=tmp_path / "r")
    lines = run_info.describe(reading.read(tmp_path / "r"))
    count = 1 + sum(isinstance(each.system, Segment) for each in run.schedule.switches)
    assert f"  H         driven: {count} constant Hamiltonians" in lines
    assert "  H         switched 1 times, t = 5 .. 5" in lines
    N = run.measured["members"][-1]
    assert f"  filter    t = 0.8: of 0; N = {N:,} from there on" in lines
    assert "  filter    t = 4: of 0; no record after it" in lines


def test_the_energy_on_record_is_that_of_the_last_constant_hamiltonian() -> None:
    """As docs/drives.md says: not that of H(t), from which it is some percent away."""
    run = simulate([SZ, [SX, gaussian]], duration=1.5, interval=0.25, summaries=True)
    psi = np.sqrt(run.occupation / N) * np.exp(-1j * run.phase)
    assert run.system is not None
    H = [run.schedule.system_at(run.system, float(t)).hamiltonian.toarray() for t in run.time]
    smooth = [SZ + gaussian(float(t)) * SX for t in run.time]
    want, other = (np.einsum("ta,tab,tb->t", psi.conj(), np.array(each), psi).real for each in (H, smooth))
    found = run.measured["mean_energy"]
    assert np.allclose(found, want, rtol=0, atol=1e-12)
    assert 1e-3 < np.abs(found - other).max() < 0.05
