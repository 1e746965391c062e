"""The house of CONTRIBUTING.md: imports flow one way, and no file grows without end."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "copympi"
MODULES = sorted(PACKAGE.rglob("*.py"))
KERNELS = sorted((ROOT / "cython_src").glob("*.pyx"))
LONGEST = 300

# room -> the other rooms that its modules may import from, each below it
GROUND = ("errors", "text", "memory", "files", "last_words", "launcher", "mpi")
"""What everything may stand on."""
ALLOWED = [
    ("text", ()),
    ("memory", ()),
    ("files", ()),
    ("launcher", ()),
    ("last_words", ()),
    ("interrupt", ("last_words", "launcher")),
    ("citation", ("__version__",)),
    ("errors", ("text",)),
    ("cores", ()),
    ("waiting", ()),
    ("traffic", ("waiting",)),
    ("sending", ("traffic", "waiting")),
    ("mpi", ("errors", "text", "launcher", "cores", "last_words", "sending", "waiting", "traffic")),
    ("kernels", ()),
    ("model", (*GROUND, "kernels")),
    ("config", (*GROUND, "model.builders")),
    ("engine", (*GROUND, "model", "kernels")),
    ("records", (*GROUND, "config", "model", "engine")),
    ("storage", (*GROUND, "__version__", "config", "model", "engine", "records")),
    ("theory", (*GROUND, "model")),
    ("report", (*GROUND, "model", "theory", "records", "storage")),
    ("run", (*GROUND, "__version__", "kernels.watch", "config", "model", "engine", "records", "storage")),
    ("outcome", (*GROUND, "model", "theory", "records", "storage", "report")),
    ("simulate", (*GROUND, "config", "model", "engine", "records", "run", "outcome")),
    (
        "sweep",
        (
            *GROUND, "__version__", "config", "model", "engine", "theory", "records", "storage", "report", "outcome",
            "run", "simulate",
        ),
    ),
    (
        "studies",
        (*GROUND, "__version__", "model", "engine", "theory", "records", "storage", "report", "run", "simulate"),
    ),
    (
        "cli",
        (
            *GROUND, "__version__", "interrupt", "citation", "config", "model", "engine", "storage", "report", "run",
            "sweep", "studies",
        ),
    ),
    ("__main__", ("cli",)),
]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def belongs(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def imports(path: Path) -> Iterator[str]:
    """Full dotted names of everything a file imports, inside functions and type checks too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 20
    assert len(KERNELS) >= 4
    assert "copympi.model.system.System" in set(imports(PACKAGE / "simulate.py"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_flow_one_way(path: Path) -> None:
    name = name_of(path)
    room = (name.split(".") + [""])[1]
    outside = ("errors", "interrupt", "citation", "model", "simulate", "sweep")
    allowed = (room, *dict(ALLOWED)[room]) if room else outside
    for target in imports(path):
        if belongs(target, "copympi"):
            assert any(belongs(target, f"copympi.{may}") for may in allowed), f"{name} imports {target}"


def test_rooms_stand_in_order() -> None:
    """Each may look down only, so there is no circle."""
    order = ["__version__", *(room for room, _ in ALLOWED)]
    for room, may in ALLOWED:
        assert all(order.index(below.split(".")[0]) < order.index(room) for below in may), room


def test_the_figure_of_the_house_has_the_same_order() -> None:
    """docs/house.svg is what tools/house.py draws, every room in it stands above those it may import from."""
    space = runpy.run_path(str(ROOT / "tools/house.py"))
    floor = {room: k for k, row in enumerate(space["FLOORS"]) for names, _ in row for room in names.split(", ")}
    for room, may in ALLOWED:
        for below in {name.split(".")[0] for name in may} & floor.keys() if room in floor else ():
            ground = len(space["FLOORS"]) - 1
            assert floor[room] < floor[below] or floor[room] == floor[below] == ground, f"{room}, {below}"
    assert floor.keys() == {room for room, _ in ALLOWED} - {"__main__"}
    assert (ROOT / "docs/house.svg").read_text(encoding="utf-8") == space["drawing"]()


def test_no_circle_within_a_room() -> None:
    graph = {name_of(path): {t for t in imports(path) if belongs(t, "copympi")} for path in MODULES}
    names = set(graph)
    edges = {
        name: {m for t in targets for m in (t, t.rpartition(".")[0]) if m in names and m not in ("copympi", name)}
        for name, targets in graph.items()
        if name != "copympi"
    }
    while edges:
        leaves = [name for name, below in edges.items() if not below & edges.keys()]
        assert leaves, f"a circle among {sorted(edges)}"
        for name in leaves:
            del edges[name]


@pytest.mark.parametrize(
    ("floor", "forbidden"),
    [
        ("copympi.config", ("mpi4py", "h5py", "copympi.engine", "copympi.storage", "copympi.report")),
        ("copympi.model", ("mpi4py", "copympi.mpi", "copympi.engine", "copympi.storage", "copympi.theory")),
        ("copympi.engine", ("copympi.theory", "copympi.storage", "copympi.config", "h5py", "matplotlib")),
        ("copympi.theory", ("mpi4py", "copympi.mpi", "copympi.engine", "copympi.storage", "copympi.report", "h5py")),
        ("copympi.storage", ("copympi.engine.members", "copympi.engine.accuracy", "copympi.theory", "copympi.report")),
        ("copympi.report", ("mpi4py", "copympi.mpi", "copympi.engine")),
    ],
)
def test_what_the_design_forbids_by_name(floor: str, forbidden: tuple[str, ...]) -> None:
    looked_at = [path for path in MODULES if belongs(name_of(path), floor)]
    assert looked_at
    for path in looked_at:
        for target in imports(path):
            assert not any(belongs(target, name) for name in forbidden), f"{name_of(path)} imports {target}"


def test_model_draws_no_random_numbers() -> None:
    for path in MODULES:
        if belongs(name_of(path), "copympi.model"):
            assert "random" not in path.read_text().replace("no randomness", ""), path


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_kernels_import_nothing_of_ours_but_kernels(path: Path) -> None:
    for target in re.findall(r"^\s*(?:from|import|cimport)\s+(copympi[\w.]*)", path.read_text(), re.MULTILINE):
        assert belongs(target, "copympi.kernels"), f"{path.name} imports {target}"


def test_the_world_communicator_is_named_once() -> None:
    places = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("COMM_WORLD", "COMM_SELF")
    ]
    assert len(places) == 1, places
    assert places[0].startswith("copympi.mpi:")


def test_one_module_imports_mpi() -> None:
    users = {name_of(path) for path in MODULES for target in imports(path) if belongs(target, "mpi4py")}
    assert users == {"copympi.mpi", "copympi.traffic"}


def test_no_lowercase_collectives() -> None:
    """Pickled collectives (bcast, gather, ...) are limited to 2 GiB and hide what is sent."""
    small = {"bcast", "gather", "allgather", "scatter", "reduce", "allreduce", "alltoall", "send", "recv", "sendrecv"}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in small, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{path.relative_to(ROOT)} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_assert_checks_input(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def test_no_pxd_beside_the_kernels() -> None:
    """One in cython_src/ would be silently ignored by the build."""
    assert list((ROOT / "cython_src").glob("*.pxd")) == []
