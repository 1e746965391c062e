"""docs/tutorial.md and docs/howto/*.md: what a reader is to type does what they say, in an empty folder."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from copympi.run.plan import from_file
from tests import launch

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(toml|python)\n(.*?)^```\n|((?:^    (?:copympi|mpiexec) [^\n]*\n)+)", re.MULTILINE | re.DOTALL)


def test_the_tutorial(tmp_path: Path) -> None:
    """All of it as one script of a shell: files are written, Python is run, commands are called. Of 20 seeds two."""
    script = []
    for kind, text, commands in BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")):
        start = {"toml": "cat > qubit.toml", "python": "python -W error"}.get(kind)
        line = commands.replace("    ", "").replace("--seeds 20", "--seeds 2")
        script.append(f"{start} << 'END'\n{text}END\n" if start else line)
    assert len(script) == 11
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = launch.run(["sh", "-e", "-c", "\n".join(script)], 600, tmp_path, path)
    assert done.returncode == 0, done.stderr
    assert "             1                  107                  116.3           -9.3       ± 13.4\n" in done.stdout
    assert "Run(2 beables, 1,000 members, t = 0 .. 10 in 101 records)" in done.stdout
    found = re.search(r"mean +(\S+) ± (\S+), quantum mechanics (\S+)", done.stdout)
    assert found
    mean, error, quantum = map(float, found.groups())
    assert abs(mean - quantum) < 5 * error
    assert (tmp_path / "sizes" / "deviation.png").exists()
    assert "t = 0 .. 20" in done.stdout


def test_how_tos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs, a page after the other, here; configs are what `copympi run` takes."""
    monkeypatch.chdir(tmp_path)
    pages = sorted((ROOT / "docs" / "howto").glob("*.md"))
    assert len(pages) == 7
    for page in pages:
        space: dict[str, object] = {}
        for link in re.findall(r"\]\((?!http)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), link
        for kind, text, _ in BLOCK.findall(page.read_text(encoding="utf-8")):
            if kind == "python":
                exec(compile(text, page.name, "exec"), space)
            elif kind == "toml":
                config = tmp_path / page.with_suffix(".toml").name
                config.write_text(text)
                assert from_file(config, [], None, 1.0).method, page.name
