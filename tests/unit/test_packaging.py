"""What stands in packaging/ and in the workflows asks for what pyproject.toml says: version, libraries, Pythons."""

from __future__ import annotations

import re
from pathlib import Path

import tomlkit

import copympi

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomlkit.parse((ROOT / "pyproject.toml").read_text()).unwrap()
VERSION = PROJECT["project"]["version"]
OTHER_NAMES = {"matplotlib-base": "matplotlib", "python-xxhash": "xxhash"}
"""conda-forge's and EasyBuild's names -> PyPI's."""


def read(name: str) -> str:
    return (ROOT / "packaging" / name).read_text()


def found(pattern: str, text: str) -> str:
    """What the pattern's bracket holds at its first place."""
    match = re.search(pattern, text, re.MULTILINE)
    assert match, pattern
    return match[1]


def least(version: str) -> tuple[int, ...]:
    """Numbers of a version, such that 2, 2.0 and 2.0.0 are the same."""
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def bounds(requirements: list[str]) -> dict[str, tuple[int, ...]]:
    """Name -> least version, of lines like "numpy>=2.0"; every one has just a lower bound."""
    out = {}
    for line in requirements:
        name, _, version = line.replace(" ", "").partition(">=")
        assert re.fullmatch(r"[\d.]+", version), line
        out[OTHER_NAMES.get(name, name)] = least(version)
    return out


RUN = bounds(PROJECT["project"]["dependencies"])
BUILD = bounds(PROJECT["build-system"]["requires"])
PYTHON = PROJECT["project"]["requires-python"].removeprefix(">=")


def test_one_version_everywhere() -> None:
    said = {
        "copympi": copympi.__version__,
        "citation": found(r"^version: (\S+)", (ROOT / "CITATION.cff").read_text()),
        "conda": found(r"^  version: (\S+)", read("conda/recipe.yaml")),
        "apptainer": found(r"^ +Version (\S+)", read("apptainer/copympi.def")),
        "spack": found(r'^    version\("([\d.]+)"', read("spack/package.py")),
        "spack's sdist": found(r'pypi = "copympi/copympi-(.*)\.tar\.gz"', read("spack/package.py")),
    }
    for path in (ROOT / "packaging" / "easybuild").glob("*.eb"):
        said[path.name] = found(r"^version = '(.*)'", path.read_text())
        assert path.name.startswith(f"copympi-{VERSION}-")
    assert len(said) == 7
    assert said == dict.fromkeys(said, VERSION)


def test_pythons_agree() -> None:
    """requires-python, classifiers, wheels, and the recipes' least Python."""
    names = [each.rpartition(" ")[2] for each in PROJECT["project"]["classifiers"] if " Python :: 3." in each]
    assert names[0] == PYTHON
    assert names == [f"3.{minor}" for minor in range(int(names[0][2:]), int(names[-1][2:]) + 1)]
    assert PROJECT["tool"]["cibuildwheel"]["build"] == [f"cp{name.replace('.', '')}-*" for name in names]
    assert f'python_min: "{PYTHON}"' in read("conda/recipe.yaml")
    assert f'depends_on("python@{PYTHON}:"' in read("spack/package.py")


def test_conda_asks_for_the_same() -> None:
    recipe = read("conda/recipe.yaml")
    parts = dict(re.findall(r"^  (host|run):\n((?:    .*\n)+)", recipe, re.MULTILINE))
    asked = {part: re.findall(r"^ +- (\S+ >=\S+)$", lines, re.MULTILINE) for part, lines in parts.items()}
    assert bounds(asked["run"]) == RUN
    assert bounds(asked["host"]) == BUILD


def test_spack_asks_for_the_same() -> None:
    lines = re.findall(r'depends_on\("py-([\w-]+)@([\d.]+):", type=(.*)\)', read("spack/package.py"))
    build = {name: least(version) for name, version, kind in lines if "build" in kind}
    run = {name: least(version) for name, version, kind in lines if "run" in kind}
    assert run == RUN
    assert {name: build[name] for name in BUILD} == BUILD


def test_easybuild_gives_enough() -> None:
    """What is named there by itself is new enough; numpy, scipy and tomlkit come in bundles."""
    (path,) = (ROOT / "packaging" / "easybuild").glob("*.eb")
    pairs = re.findall(r"^    \('(.+?)', '([\d.]+)'\)", path.read_text(), re.MULTILINE)
    given = {OTHER_NAMES.get(name, name).lower(): least(version) for name, version in pairs}
    wanted = {**RUN, **BUILD, "python": least(PYTHON)}
    bundled = {"numpy", "scipy", "tomlkit", "setuptools"}
    assert set(wanted) - bundled <= set(given)
    assert {"scipy-bundle", "python-bundle-pypi"} <= set(given)
    for name in set(wanted) - bundled:
        assert given[name] >= wanted[name], name


def test_workflows_run_what_developers_run() -> None:
    text = {path.stem: path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml")}
    assert set(text) == {"ci", "wheels", "docs"}
    assert "bash .ci/run" in text["ci"]
    assert "run: make docs" in text["docs"]
    assert (ROOT / ".ci" / "run").is_file()
    for command in ("python -m build --sdist", "python -m cibuildwheel", "python packaging/try_install.py"):
        assert command in text["wheels"], command
    assert PROJECT["tool"]["cibuildwheel"]["test-command"].endswith("packaging/try_install.py")
    assert (ROOT / "packaging" / "try_install.py").is_file()
