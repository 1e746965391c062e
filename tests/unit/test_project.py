"""What stands around the code: files that packages hold, and the hooks of git that run what `make lint` runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LISTS = """
import json, sys
from setuptools import Distribution
project = Distribution({"script_name": "setup.py"})
project.parse_config_files()
info = project.get_command_obj("egg_info")
info.egg_base = sys.argv[1]  # not into the tree
info.ensure_finalized()
info.run()
build = project.get_command_obj("build_py")
build.ensure_finalized()
json.dump({"sdist": info.filelist.files, "wheel": [*build.get_output_mapping().values()]}, sys.stderr)
"""


def test_packages_hold_every_file(tmp_path: Path) -> None:
    """Modules, stubs, declarations of kernels and py.typed of every folder of copympi, as setuptools lists them."""
    pytest.importorskip("setuptools", minversion="77")
    command = [sys.executable, "-W", "ignore", "-c", LISTS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stderr.splitlines()[-1])
    names = [path.relative_to(ROOT).as_posix() for path in (ROOT / "copympi").rglob("*")]
    wanted = {name for name in names if name.endswith((".py", ".pyi", ".pxd", "/py.typed"))}
    assert {"copympi/__init__.py", "copympi/py.typed", "copympi/kernels/checks.pxd"} <= wanted
    assert not wanted - set(listed["wheel"])
    sources = {f"cython_src/{path.name}" for path in (ROOT / "cython_src").iterdir() if path.suffix in (".pyx", ".h")}
    assert len(sources) > 20
    others = {"pyproject.toml", "setup.py", "Makefile", ".pre-commit-config.yaml", "tests/unit/test_project.py"}
    assert not (wanted | sources | others) - set(listed["sdist"])


def test_hooks_run_what_make_lint_runs() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    by_make = [line.removeprefix("\t$(ACTIVE) ") for line in recipe[1].splitlines()]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^ +entry: (.*)$", hooks, re.MULTILINE) == by_make
    assert [command.split()[0] for command in by_make] == ["ruff", "mypy", "cython-lint"]
    for line in ("repo: local", "language: system", "pass_filenames: false"):  # nothing fetched, the same files
        assert hooks.count(line) == (1 if line == "repo: local" else len(by_make)), line
