"""What ranks say to each other in a step is counted exactly, foretold on one rank, and said by a dry run.

Null hypotheses: what `mpi.SAID` counts are the buffers that MPI is given; one rank alone counts the same calls, and as
many bytes of proposals and answers as all ranks together; and no bit depends on how many batches answers come in.
"""

from __future__ import annotations

import json
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest

from copympi import mpi
from copympi.cli.dry_run import exchanged as described
from copympi.cli.main import parser
from copympi.engine import proposals
from copympi.errors import InputError
from copympi.run.carry import ensemble_of
from copympi.run.exchanged import foretold
from copympi.run.plan import from_file
from tests import launch
from tests.mpi.traffic_on_ranks import carried

RANKS = 2
FEW = """
[system]
hamiltonian = [[0.3, "0.5-0.1j", 0], ["0.5+0.1j", -0.3, 0.4], [0, 0.4, 0.1]]
[preparation]
members = 40_000
density = [0.4, 0.3, 0.3]
phase = [0.0, 0.5, 1.0]
phase_spread = {}
[dynamics]
duration = 0.2
representation = "members"
[output]
interval = 0.2
"""
GENERAL = f"{FEW.format(0.5)}[dynamics.rule]\nq = 0.4\n"
STIFF = """
[system]
builder = "lattice"
sites = 64
[preparation]
members = 5000
packet = {centre = 0, width = 5}
[dynamics]
duration = 2
representation = "members"
replicas = 2
[output]
interval = 2
"""
PLANE = """
[system]
builder = "lattice"
sites = [256, 260]
[preparation]
members = 1e15
packet = {centre = [0, 0], width = [40, 40]}
[dynamics]
duration = 0.2
[output]
interval = 0.2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traffic")
    texts = {"members": FEW.format(0.0), "phases": FEW.format(0.5), "general": GENERAL, "stiff": STIFF, "plane": PLANE}
    for name, text in texts.items():
        (path / f"{name}.toml").write_text(text)
    return path


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    script = Path(__file__).with_name("traffic_on_ranks.py")
    done = launch.mpiexec(RANKS, str(script), str(folder), env={"PYTHONPATH": str(script.parents[2])})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["members", "phases", "general", "stiff", "plane"])
def test_what_is_counted_is_what_mpi_is_given(name: str, found: dict[str, Any]) -> None:
    """And a dry run of the same steps says it to the last byte."""
    case = found[name]
    assert case["differ"] == 0
    assert case["steps"] > 1
    assert case["most"][0] > 0
    forecast = case["forecast"]
    assert [forecast[key] for key in ("calls", "shared", "messages", "sent")] == case["most"]
    assert (forecast["ranks"], forecast["counted"]) == (RANKS, True)


@pytest.mark.parametrize("name", ["members", "phases", "general", "stiff"])
def test_one_rank_foretells_what_several_say(
    name: str, folder: Path, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said, ensemble, digest = carried(mpi.Alone(), folder / f"{name}.toml")
    steps = int(ensemble.step.max())
    every = mpi.Traffic(*found[name]["said"])
    assert steps == found[name]["steps"]
    assert (RANKS * said.calls, RANKS * said.each, said.sent) == (every.calls, every.each, 0)
    assert said.own == every.sent + every.own - (RANKS - 1) * every.each
    assert RANKS * (said.shared - said.divided) + said.divided == every.shared
    monkeypatch.setattr(proposals, "LEAST_MESSAGE", 1)
    told = foretold(mpi.Alone(), said, steps, ensemble, RANKS)
    assert (RANKS * told.shared, told.messages) == (every.shared / steps, found[name]["passages"] * (RANKS - 1))
    assert described(told).startswith(f"  exchange  each of {RANKS} ranks hands "), described(told)
    if name == "members":
        assert astuple(said)[:2] == (2 * steps, 2 * steps * 8 * (2 * 3 + 4)), "n, who left, requests and a digest"
    elif name == "stiff":
        assert said.calls > 2 * steps
        assert said.divided > 0, "no cluster is stiff"
    else:
        assert told.messages == (2 + proposals.MOST_BATCHES) * (RANKS - 1)
    assert digest == found[name]["digest"] == found[name]["batched"]


def test_what_ranks_that_share_a_lattice_say_is_foretold(folder: Path, found: dict[str, Any]) -> None:
    """Calls and sums exactly, for no step is shortened and no cluster is stiff here; halos to a fifth."""
    ensemble = ensemble_of(mpi.Alone(), from_file(folder / "plane.toml", [], None, 1.0))
    told = foretold(mpi.Alone(), mpi.Traffic(), 0, ensemble, RANKS)
    calls, shared, messages, sent = found["plane"]["most"]
    assert (told.calls, told.shared) == (calls, shared)
    assert told.messages >= messages
    assert abs(told.sent / sent - 1) < 0.2
    assert described(told).endswith(" messages to single ranks a step")
    tiles = ensemble.layout.number
    most, more = (foretold(mpi.Alone(), mpi.Traffic(), 0, ensemble, ranks) for ranks in (tiles, 10**7))
    assert replace(most, ranks=10**7, idle=10**7 - tiles) == more
    assert more.sent > 0
    said = f"; {10**7 - tiles:,} of them have nothing to do: more ranks than tiles are of no use"
    assert described(more).endswith(said)
    told = described(foretold(mpi.Alone(), mpi.Traffic(), 0, ensemble, 1))
    assert told == "  exchange  nothing but who is done: replicas lie whole on ranks"


@pytest.mark.parametrize(
    "words", [("--ranks", "4"), ("--dry-run", "--ranks", "0"), ("--dry-run", "--ranks", "10000001")]
)
def test_ranks_are_foretold_by_a_dry_run_alone(words: tuple[str, ...]) -> None:
    options = parser().parse_args(["run", "no.toml", *words])
    with pytest.raises(InputError, match=f"--ranks = {words[-1]}: goes with --dry-run"):
        options.command(options)
