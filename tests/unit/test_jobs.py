"""What is in jobs/: configs that are read, scripts whose shell, config and options make sense."""

from __future__ import annotations

import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from copympi import studies
from copympi.config import reading as config
from copympi.model import build

REPO = Path(__file__).parents[2]
CONFIGS = sorted((REPO / "jobs").glob("*.toml"))
SCRIPTS = sorted((REPO / "jobs").glob("*.sbatch"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configs_are_read(path: Path) -> None:
    checked, _ = config.read(path)
    system = build.system(checked.system, path.parent)
    if system.P <= 1e5:
        _, start = build.prepared(system, checked.preparation, None, folder=path.parent)
        assert start.members == int(checked.preparation.members)
    assert path.name in (REPO / "docs/config.md").read_text()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_name_configs_and_options_that_fit(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True)
    text = path.read_text()
    assert f"`{path.name}`" in (REPO / "jobs/README.md").read_text()
    options = re.search(r"^OPTIONS=\((.*?)\)", text, re.MULTILINE)
    assert options
    study = re.search(r"^STUDY=(\S+)", text, re.MULTILINE)
    if study:
        assert studies.find(study[1])
        return
    named = re.search(r"^CONFIG=(\S+)", text, re.MULTILINE)
    assert named
    words = shlex.split(options[1].replace("$SEED", "1"))
    settings = [after for word, after in pairwise(words) if word == "--set"]
    config.read(REPO / named[1], settings)
