"""README.md: short enough to be read, and each of its blocks does what it says, in order, in a folder of its own."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests import launch

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SHELL = re.findall(r"(?:^    .+\n)+", re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
"""Blocks of Python, and of commands: one after the other, as they would be pasted."""


def test_length_and_links() -> None:
    assert len(TEXT.splitlines()) <= 110
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_links_of_the_docs(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_python_blocks_in_order(tmp_path: Path) -> None:
    assert len(PYTHON) == 2
    done = launch.run([sys.executable, "-W", "error", "-c", "\n".join(PYTHON)], 300, tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert re.fullmatch(r"\[0\.\d+ 0\.\d+\] \[0\.\d+ 0\.\d+\] ± \[0\.\d+ 0\.\d+\]\n", done.stdout)
    assert (tmp_path / "ammonia.png").stat().st_size > 10_000
    frozen = launch.run([sys.executable, "-c", PYTHON[0] + PYTHON[1].splitlines()[0] + "\n" + MOVES], 300, tmp_path)
    assert "FrozenStartWarning: nothing can ever move" in frozen.stderr


MOVES = "assert not copympi.simulate(ammonia, **frozen).events.any()"


def test_shell_blocks_in_order(tmp_path: Path) -> None:
    """All but `make`, of which CI runs `make test`, and installing, which `test_in_a_fresh_environment` does."""
    makes, runs, installs = SHELL
    assert [line.split()[:2] for line in makes.splitlines()] == [["make", "demo"], ["make", "test"]]
    assert re.findall(r"pip install '(.+?)'", installs) == [".[mpich]"]
    shutil.copytree(ROOT / "jobs", tmp_path / "jobs")
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = launch.run(["sh", "-e", "-c", runs], 600, tmp_path, path)
    assert done.returncode == 0, done.stderr
    assert "as it should be (" in done.stdout
    assert "again/results.h5: complete" in done.stdout
    assert "nothing was written" in done.stdout
    assert (tmp_path / "ammonia/occupation.png").exists()
    assert not (tmp_path / "coherent").exists()


@pytest.mark.long
def test_in_a_fresh_environment(tmp_path: Path) -> None:
    """A clone, then the two commands that a newcomer pastes first: `make demo`, and installing by hand."""
    clone = tmp_path / "clone"
    assert launch.run(["git", "clone", "-q", str(ROOT), str(clone)], 300, tmp_path).returncode == 0
    done = launch.run(["make", "demo"], 1800, clone)
    assert done.returncode == 0, done.stderr
    assert "200 ensembles of   1,000,000 copies" in done.stdout.replace("       ", "   ")
    assert (clone / "demo/first.png").exists()
    shutil.rmtree(clone / ".venv")
    done = launch.run(["bash", "-e", "-c", SHELL[2]], 1800, clone)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("  ok      ") == 6
