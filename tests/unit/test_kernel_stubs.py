"""What type checkers are told of the kernels (copympi/kernels/*.pyi) is what was compiled, and no list of arguments is
long."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "cython_src").glob("*.pyx"))
STUBS = sorted((ROOT / "copympi" / "kernels").glob("*.pyi"))
MOST = 12
"""Parameters that a function may have."""
DEFINED = re.compile(r"^[ ]*(?:def|cdef|cpdef)\b[^\n(=]*?(\w+)\(((?:[^()]|\([^()]*\))*)\)[^\n()]*:", re.MULTILINE)
IN_C = re.compile(r"^[ ]*(?:static|PASS|COPYMPI_WIDE)[^;{(=]*?(\w+)\(([^;{)]*)\)\s*\{", re.MULTILINE)
Parameter = tuple[str, Any, bool]
"""Name, kind, whether it has a default."""


def parameters(function: ast.FunctionDef) -> list[Parameter]:
    """Of a function in a stub; `self` left out."""
    a = function.args
    pairs = [(arg, inspect.Parameter.POSITIONAL_OR_KEYWORD) for arg in a.args if arg.arg != "self"]
    optional = {arg.arg for arg in a.args[len(a.args) - len(a.defaults) :]}
    optional |= {arg.arg for arg, default in zip(a.kwonlyargs, a.kw_defaults, strict=True) if default is not None}
    pairs += [(arg, inspect.Parameter.KEYWORD_ONLY) for arg in a.kwonlyargs]
    return [(arg.arg, kind, arg.arg in optional) for arg, kind in pairs]


def compiled(function: Any) -> list[Parameter]:
    """The same of a compiled function."""
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default is not p.empty) for p in found if p.name != "self"]


def of_constructor(name: str, module: str) -> list[Parameter]:
    """Of a compiled class, which does not say them itself: read in its source."""
    text = (ROOT / "cython_src" / f"{module}.pyx").read_text()
    body = text[re.search(rf"^cdef class {name}\b", text, re.MULTILINE).end() :]  # type: ignore[union-attr]
    made = re.search(r"def __cinit__\(self, (.*?)\):\n", body, re.DOTALL)
    assert made, f"{module}.{name} has no __cinit__"
    kind, found = inspect.Parameter.POSITIONAL_OR_KEYWORD, []
    for part in split(made[1]):
        if part == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            words = part.split("=")[0].replace(" not None", "").split()
            found.append((words[-1], kind, "=" in part))
    return found


def split(arguments: str) -> list[str]:
    """The parameters in a list that may hold [::1] and calls."""
    flat = re.sub(r"\[[^\]]*\]|\([^)]*\)", "", arguments)
    return [part.strip() for part in flat.split(",") if part.strip()]


def public(module: ModuleType) -> set[str]:
    """Names that a kernel module offers itself."""
    mine = (name for name, value in vars(module).items() if not isinstance(value, ModuleType))
    return {name for name in mine if not name.startswith("_")}


def test_every_module_that_python_imports_has_its_stub() -> None:
    wanted = set()
    for path in [*(ROOT / "copympi").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        found = re.findall(r"copympi\.kernels(?:\.(\w+)| import \(?([\w, \n]+))", path.read_text())
        wanted |= {name for one, many in found for name in [one, *re.findall(r"\w+", many)] if name}
    wanted &= {path.stem for path in SOURCES}
    assert len(wanted) > 15
    assert wanted <= {path.stem for path in STUBS}


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.stem)
def test_stub_says_what_was_compiled(path: Path) -> None:
    module = importlib.import_module(f"copympi.kernels.{path.stem}")
    said: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            said.add(node.name)
            assert parameters(node) == compiled(getattr(module, node.name)), node.name
        elif isinstance(node, ast.ClassDef):
            said.add(node.name)
            compare_class(node, getattr(module, node.name), path.stem)
        elif isinstance(node, ast.AnnAssign):
            assert isinstance(node.target, ast.Name)
            said.add(node.target.id)
    assert said == public(module)


def compare_class(node: ast.ClassDef, made: type, module: str) -> None:
    """Methods, properties and attributes of a class in a stub against the class that was compiled."""
    said: set[str] = set()
    for part in node.body:
        if isinstance(part, ast.AnnAssign):
            assert isinstance(part.target, ast.Name)
            said.add(part.target.id)
        elif isinstance(part, ast.FunctionDef) and part.name == "__init__":
            assert parameters(part) == of_constructor(node.name, module), node.name
        elif isinstance(part, ast.FunctionDef):
            said.add(part.name)
            if not part.decorator_list:
                assert parameters(part) == compiled(getattr(made, part.name)), f"{node.name}.{part.name}"
    assert said == {name for name in vars(made) if not name.startswith("_")}, node.name


@pytest.mark.parametrize("path", [*SOURCES, *(ROOT / "cython_src").glob("*.h")], ids=lambda path: path.name)
def test_no_list_of_arguments_is_long(path: Path) -> None:
    text = path.read_text()
    found = [*DEFINED.findall(text), *IN_C.findall(text)]
    assert found or path.suffix == ".h"
    for name, arguments in found:
        count = len([part for part in split(arguments) if part not in ("self", "*")])
        assert count <= MOST, f"{path.name}: {name} has {count} parameters"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_kernel_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 350


def test_long_lists_are_seen() -> None:
    """So the test above can fail."""
    many = ", ".join(f"const double[:, ::1] a{k} not None" for k in range(13))
    assert [len(split(a)) for _, a in DEFINED.findall(f"def f({many}):\n    pass\n")] == [13]
    assert [len(split(a)) for _, a in DEFINED.findall(f"cdef inline int g({many}) except -1:\n")] == [13]
    assert [len(split(a)) for _, a in IN_C.findall("static void h(int a, double *b,\n  int c)\n{")] == [3]
