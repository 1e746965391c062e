"""Bad input gives one line with file, key, value and what is allowed; exit code 2; nothing written."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import copympi
from copympi.cli import main as cli
from copympi.config import reading as config
from copympi.errors import InputError, NotBuiltYet

GOOD = """
[system]
hamiltonian = [[0.3, 0.5], [0.5, -0.3]]
[preparation]
members = 1000
state = [0.8, "0.6j"]
[dynamics]
duration = 1.0
[output]
interval = 0.1
"""

CONTRACT_DEFAULTS = {
    "system.hbar": 1.0,
    "preparation.phase_spread": 0.0,
    "preparation.spectators": 0,
    "dynamics.step": None,
    "dynamics.tolerance": 1e-4,
    "dynamics.leaving_chance": 0.03,
    "dynamics.method": "auto",
    "dynamics.representation": "occupation",
    "dynamics.replicas": 1,
    "dynamics.seed": 1,
    "checkpoint.interval": "10min",
    "checkpoint.keep": 2,
}

MISSPELT = [
    ("system.hamiltonain", "hamiltonian"),
    ("system.hbr", "hbar"),
    ("system.lables", "labels"),
    ("preparation.member", "members"),
    ("preparation.stat", "state"),
    ("preparation.densty", "density"),
    ("preparation.phasen", "phase"),
    ("alignment.strengh", "strength"),
    ("preparation.phasespread", "phase_spread"),
    ("preparation.spectator", "spectators"),
    ("dynamics.duraton", "duration"),
    ("dynamics.steps", "step"),
    ("dynamics.tolerence", "tolerance"),
    ("dynamics.leaving-chance", "leaving_chance"),
    ("dynamics.metod", "method"),
    ("dynamics.representatoin", "representation"),
    ("dynamics.replica", "replicas"),
    ("dynamics.sed", "seed"),
    ("output.intervall", "interval"),
    ("output.timeunit", "time_unit"),
    ("checkpoint.intervall", "interval"),
    ("checkpoint.kep", "keep"),
]

# what is set, how the value must be quoted, what the line must say is allowed
BAD = [
    # system
    ("system.hamiltonian=5", "= 5", "rows of numbers"),
    ("system.hamiltonian=[]", "= []", "rows of numbers"),
    ("system.hamiltonian=[1, 2]", "= [1, 2]", "rows of numbers"),
    ("system.hamiltonian=[[1, 2, 3], [2, 1, 3]]", "2 rows of lengths 3, 3", "must be square"),
    ("system.hamiltonian=[[1, 2], [2]]", "2 rows of lengths 2, 1", "must be square"),
    ("system.hamiltonian=[[1, 2], [3, 4]]", "H[0,1] = 2+0j, H[1,0] = 3+0j", "must be Hermitian; |H[0,1] - conj"),
    ("system.hamiltonian=[['1j', 2], [2, 4]]", "H[0,0] = 0+1j", "must be Hermitian"),
    ("system.hamiltonian=[[1, 2], [2, nan]]", "hamiltonian[1][1] = nan", "must be finite"),
    ("system.hamiltonian=[[1, 2], [2, inf]]", "hamiltonian[1][1] = inf", "must be finite"),
    ("system.hamiltonian=[[1, 'inf'], [2, 1]]", 'hamiltonian[0][1] = "inf"', "must be finite"),
    ("system.hamiltonian=[[1, 2], ['nan', 1]]", 'hamiltonian[1][0] = "nan"', "must be finite"),
    ("system.hamiltonian=[[1, '1+infi'], [2, 1]]", 'hamiltonian[0][1] = "1+infi"', "must be finite"),
    ("system.hamiltonian=[['1e999', 1], [1, 1]]", 'hamiltonian[0][0] = "1e999"', "must be finite"),
    (f"system.hamiltonian=[[1, {10**400}], [1, 1]]", "hamiltonian[0][1] = 1000", "must be finite, and at most 1.8e308"),
    (f"system.hamiltonian=[[0x{'f' * 4000}, 0], [0, 1]]", "hamiltonian[0][0] = (an integer of", "must be finite"),
    ("system.hamiltonian=[[1e308, 0], [0, -1e308]]", "H[0,0] = 1e+308", "must be below 1e+150 hbar = 1e+150 in size"),
    ("system.hamiltonian=[[0, 1.7e308], [1.7e308, 0]]", "H[0,1] = 1.7e+308", "must be below"),
    ("system.hamiltonian=[[0, '1.7e308+1.7e308j'], [0, 0]]", "H[0,1] = 1.7e+308+1.7e+308j", "must be below"),
    ("system.hamiltonian=[[0, 1e200], [1e200, 0]]", "H[0,1] = 1e+200", "must be below"),
    ("system.hamiltonian=[[1, '2k'], [2, 1]]", 'hamiltonian[0][1] = "2k"', 'number or a string like "0.1-0.2j"'),
    ("system.hamiltonian=[[1, true], [2, 1]]", "hamiltonian[0][1] = True", "must be a number"),
    ("system.hamiltonian='absent.npy'", '"absent.npy"', "no such file"),
    ('system.hamiltonian="H\\u0000.npy"', '"H\\x00.npy"', "no such file"),
    (f"system.hamiltonian='{'H' * 5000}'", '"HHHH', "no such file"),
    ("system.hamiltonian='lattice'", '= "lattice"', 'must be given as builder = "lattice"'),
    ("system.builder='lattice'", '= "lattice"', "must be left out where hamiltonian is given"),
    ("system.builder='grid'", '= "grid"', 'must be "composite" or "lattice", or left out'),
    ("system.sites=8", "= 8", 'must go with builder = "lattice"'),
    ("system.potential=[0, 0]", "= [0, 0]", 'must go with builder = "lattice"'),
    ("system.hbar=0", "= 0", "must be a positive number"),
    ("system.hbar=-1", "= -1", "must be a positive number"),
    ("system.hbar=1e-320", "= 1e-320", "must be a positive number of at least 1e-300"),
    ("system.hbar=nan", "= nan", "finite"),
    ("system.hbar='1'", '= "1"', "number"),
    ("system.labels='ab'", '= "ab"', "list"),
    ("system.labels=['a', 2]", "= 2", "string"),
    ("system.labels=['a']", "= ['a']", "must have one name for each of the 2 beables"),
    ('system.labels=["a", "b\\u0000"]', 'labels[1] = "b\\x00"', "without control characters"),
    ('system.labels=["a\\nb", "c"]', 'labels[0] = "a\\nb"', "without control characters"),
    ('system.labels=["a", "\\u001b[31m"]', 'labels[1] = "\\x1b[31m"', "without control characters"),
    # preparation
    ("preparation.members=0", "= 0", "whole number of at least 1"),
    ("preparation.members=-5", "= -5", "whole number of at least 1"),
    ("preparation.members=0.5", "= 0.5", "whole number of at least 1"),
    ("preparation.members=1000.5", "= 1000.5", "whole number of at least 1"),
    ("preparation.members=nan", "= nan", "whole number of at least 1"),
    ("preparation.members=-inf", "= -inf", "whole number of at least 1, or inf"),
    ("preparation.members='many'", '= "many"', "whole number of at least 1"),
    ("preparation.members=true", "= True", "whole number of at least 1"),
    ("preparation.members=[10]", "= [10]", "whole number of at least 1"),
    ("preparation.members=1e81", "= 1e+81", "at most 1e80"),
    ("preparation.state=[0.8, 0.7]", "= [0.8, 0.7]", "normalised; its sum of |Psi|^2 is 1.13"),
    ("preparation.state=[0.8, 0.6002]", "= [0.8, 0.6002]", "is 1.00024004"),
    ("preparation.state=[0, 0]", "= [0, 0]", "must not be zero"),
    ("preparation.state=[1]", "= [1]", "one element for each of the 2 beables; it has 1"),
    ("preparation.state=[0.6, 0.8, 0]", "= [0.6, 0.8, 0]", "one element for each of the 2 beables; it has 3"),
    ("preparation.state=[1e300, 0]", "= [1e+300, 0]", "normalised; its sum of |Psi|^2 is inf"),
    (f"preparation.state=[{10**400}, 0]", "state[0] = 1000", "must be finite"),
    ("preparation.state=[nan, 1]", "state[0] = nan", "must be finite"),
    ("preparation.state=[0, 'inf']", 'state[1] = "inf"', "must be finite"),
    ("preparation.state=['up', 1]", 'state[0] = "up"', 'a number or a string like "0.1-0.2j"'),
    ("preparation.state='up'", '= "up"', "list of 2 numbers"),
    ("preparation.state=1", "= 1", "list of 2 numbers"),
    ("preparation.phase=[0, 0]", "= [0, 0]", "must go with density"),
    ("preparation.density=[0.5, 0.5]", "both", "left out where state is given"),
    ("preparation.phase_spread=-1", "= -1", "greater than or equal to 0"),
    ("preparation.phase_spread=3.15", "= 3.15", "less than or equal to 3.1416"),
    ("preparation.phase_kinds=0", "= 0", "greater than or equal to 1"),
    ("preparation.phase_kinds=5000", "= 5000", "less than or equal to 4096"),
    ("preparation.phases=1", "= 1", "FILE.h5:/dataset with a phase (rad) for each member"),
    ("preparation.phases='absent.h5:/phases'", '= "absent.h5:/phases"', "no such file: absent.h5"),
    ("preparation.phases='job.toml'", '= "job.toml"', "cannot be read: "),
    ("preparation.phases=[0.1, 0.2]", "float64 array of shape (2,)", "a real number for each of the 1000 members"),
    # alignment
    ("alignment.strength=-1", "= -1", "greater than or equal to 0"),
    ("alignment.strength=1.7e308", "= 1.7e+308", "must be at most 1e+100"),  # a fuzzer's find: seed 3, case 9427
    ("alignment.strength='strong'", '= "strong"', "number"),
    ("preparation.phase_spread='pi'", '= "pi"', "number"),
    ("preparation.spectators=-1", "= -1", "greater than or equal to 0"),
    ("preparation.spectators=0.5", "= 0.5", "integer"),
    # dynamics
    ("dynamics.duration=0", "= 0", "must be a positive number"),
    ("dynamics.duration=-1", "= -1", "must be a positive number"),
    ("dynamics.duration=inf", "= inf", "finite"),
    ("dynamics.duration='1 ps'", '= "1 ps"', "number"),
    ("dynamics.duration=true", "= True", "number"),
    ("dynamics.duration=1e300", "= 1e+300", "at most 100,000,000 times output.interval = 0.1"),
    ("dynamics.duration=1e-310", "= 1e-310", "multiple of output.interval = 0.1"),
    (f"dynamics.duration={10**400}", "= 1000", "must be a valid number"),
    ("dynamics.duration=0.95", "= 0.95", "multiple of output.interval = 0.1"),
    ("dynamics.duration=0.04", "= 0.04", "multiple of output.interval = 0.1"),
    ("dynamics.step=0", "= 0", "must be a positive number"),
    ("dynamics.step=-0.1", "= -0.1", "must be a positive number"),
    ("dynamics.step=1e-320", "= 1e-320", "must be at least 1e-13"),
    ("dynamics.step='auto'", '= "auto"', "number"),
    ("dynamics.step=0.03", "= 0.03", "must divide output.interval = 0.1"),
    ("dynamics.step=0.2", "= 0.2", "must divide output.interval = 0.1"),
    ("dynamics.tolerance=0", "= 0", "must be a positive number"),
    ("dynamics.tolerance=1", "= 1", "less than 1"),
    ("dynamics.tolerance='small'", '= "small"', "number"),
    ("dynamics.leaving_chance=0", "= 0", "must be a positive number"),
    ("dynamics.leaving_chance=1.5", "= 1.5", "must be less than or equal to 0.3"),
    ("dynamics.leaving_chance=0.31", "= 0.31", "must be less than or equal to 0.3"),
    ("dynamics.leaving_chance=[1]", "= [1]", "number"),
    ("dynamics.method='euler'", '= "euler"', "'auto', 'leap' or 'exact'"),
    ("dynamics.method=1", "= 1", "'auto', 'leap' or 'exact'"),
    ("dynamics.representation='count'", '= "count"', "'auto', 'members' or 'occupation'"),
    ("dynamics.representation=false", "= False", "'auto', 'members' or 'occupation'"),
    ("dynamics.replicas=0", "= 0", "greater than or equal to 1"),
    (f"dynamics.replicas={10**30}", "= 1000", "less than or equal to 2147483648"),
    ("dynamics.replicas=2.0", "= 2.0", "integer"),
    ("dynamics.replicas='2'", '= "2"', "integer"),
    ("dynamics.seed=-1", "= -1", "greater than or equal to 0"),
    ("dynamics.seed=1.5", "= 1.5", "integer"),
    ("dynamics.seed=18446744073709551616", "= 18446744073709551616", "less than 18446744073709551616"),
    # output
    ("output.interval=0", "= 0", "must be a positive number"),
    ("output.interval='1'", '= "1"', "number"),
    ("output.interval=nan", "= nan", "finite"),
    ("output.time_unit=1", "= 1", "string"),
    ("output.profile_interval=0", "= 0", "must be a positive number"),
    ("output.profile_interval=0.15", "= 0.15", "must be a multiple of output.interval = 0.1 that divides"),
    ("output.profile_interval=0.3", "= 0.3", "that divides dynamics.duration = 1"),
    ("output.profile_interval=1e-320", "= 1e-320", "must be a multiple of output.interval = 0.1"),
    ("output.profile_interval=1e300", "= 1e+300", "that divides dynamics.duration = 1"),
    ("output.summaries=1", "= 1", "boolean"),
    ('output.time_unit="p\\u0007s"', '"p\\x07s"', "without control characters"),
    # checkpoint
    ("checkpoint.interval='10 parsecs'", '= "10 parsecs"', 'wall time like "30s", "10min" or "2h"'),
    ("checkpoint.interval=0", "= 0", "or a positive number: simulated time"),
    ("checkpoint.interval=-1", "= -1", "or a positive number: simulated time"),
    ("checkpoint.interval=inf", "= inf", "or a positive number: simulated time"),
    ("checkpoint.interval=true", "= True", "or a positive number: simulated time"),
    ('checkpoint.interval=""', '= ""', "or a positive number: simulated time"),
    (f"checkpoint.interval='{'9' * 400}h'", '= "999', "or a positive number: simulated time"),
    ("checkpoint.keep=0", "= 0", "greater than or equal to 1"),
    ("checkpoint.keep=1.5", "= 1.5", "integer"),
]

LATER = [
    ("system.hamiltonian='two-level'", '= "two-level"', "rows of numbers"),
    ("system.builder='two-level'", '= "two-level"', 'allowed: "composite" or "lattice"'),
]


@pytest.fixture
def refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command line on a config that must be refused; return the one line it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(*options: str, text: str = GOOD) -> str:
        Path("job.toml").write_text(text)
        with pytest.raises(SystemExit) as stop:
            cli.main(["run", "job.toml", *options])
        out, err = capsys.readouterr()
        assert stop.value.code == 2, err
        assert out == ""
        assert [path.name for path in tmp_path.iterdir()] == ["job.toml"], "something was written"
        lines = err.splitlines()
        assert len(lines) == 1, err
        assert lines[0].startswith("copympi: error: ")
        return lines[0].removeprefix("copympi: error: ")

    return run


@pytest.mark.parametrize(("setting", "value", "allowed"), BAD, ids=[case[0] for case in BAD])
def test_bad_value(refuse: Any, setting: str, value: str, allowed: str) -> None:
    line = refuse("--set", setting)
    key = setting.partition("=")[0]
    assert line.startswith(f"job.toml: {key}")
    assert value in line
    assert allowed in line


@pytest.mark.parametrize(("setting", "value", "instead"), LATER, ids=[case[0] for case in LATER])
def test_value_of_the_contract_that_is_not_built_yet(refuse: Any, setting: str, value: str, instead: str) -> None:
    line = refuse("--set", setting)
    name = setting.partition("=")[0]
    key = name.split(".")[0] if name.startswith("alignment") else name
    assert line.startswith(f"job.toml: {key} ")
    assert value in line
    assert "not built yet in this version" in line
    assert instead in line


@pytest.mark.parametrize(("wrong", "nearest"), MISSPELT)
def test_unknown_key_names_the_nearest(refuse: Any, wrong: str, nearest: str) -> None:
    line = refuse("--set", f"{wrong}=0.25")
    assert line.startswith(f"job.toml: {wrong} = 0.25: no such key; the nearest is '{nearest}'; known here: ")


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("sytem", "system"), ("preparations", "preparation"), ("dynamic", "dynamics"), ("outputs", "output")],
)
def test_unknown_section_names_the_nearest(refuse: Any, wrong: str, nearest: str) -> None:
    line = refuse("--set", f"{wrong}.key=1")
    assert line.startswith(f"job.toml: {wrong} = {{'key': 1}}: no such key; the nearest is '{nearest}'")


@pytest.mark.parametrize(
    ("gone", "key"),
    [
        ("hamiltonian = [[0.3, 0.5], [0.5, -0.3]]", "system.hamiltonian"),
        ("members = 1000", "preparation.members"),
        ("duration = 1.0", "dynamics.duration"),
    ],
)
def test_missing_key(refuse: Any, gone: str, key: str) -> None:
    line = refuse(text=GOOD.replace(gone, ""))
    assert line == f'job.toml: {key} = "(left out)": must be given'


@pytest.mark.parametrize("section", ["system", "preparation", "dynamics"])
def test_missing_section(refuse: Any, section: str) -> None:
    kept = [part for part in GOOD.split("\n[") if not part.startswith(section)]
    assert refuse(text="\n[".join(kept)) == f'job.toml: {section} = "(left out)": must be given'


def test_value_where_a_section_belongs(refuse: Any) -> None:
    line = refuse(text="dynamics = 3\n" + GOOD.replace("[dynamics]\nduration = 1.0\n", ""))
    assert line == "job.toml: dynamics = 3: must be a section"


@pytest.mark.parametrize(
    ("density", "key", "value", "allowed"),
    [
        ("density = [0.5, 0.6]", "preparation.density", "[0.5, 0.6]", "normalised; its sum is 1.1"),
        ("density = [0, 0]", "preparation.density", "[0, 0]", "must not be zero"),
        ("density = [1.5, -0.5]", "preparation.density[1]", "-0.5", "must not be negative"),
        ("density = [1.0]", "preparation.density", "[1.0]", "one element for each of the 2 beables; it has 1"),
        ("density = [nan, 1]", "preparation.density[0]", "nan", "must be finite"),
        ('density = ["1j", 1]', "preparation.density[0]", '"1j"', "must be a real number"),
        ("density = 1.0", "preparation.density", "1.0", "list of 2 numbers"),
        ("density = [1, 0]\nphase = [1]", "preparation.phase", "[1]", "one element for each of the 2 beables"),
        ("density = [1, 0]\nphase = [inf, 0]", "preparation.phase[0]", "inf", "must be finite"),
        ("density = [1, 0]\nphase = ['1j', 0]", "preparation.phase[0]", '"1j"', "must be a real number"),
        ("density = [1, 0]\nphase = 0.0", "preparation.phase", "0.0", "list of 2 numbers"),
        ("", "preparation.state", '"neither"', "must be given, or density with phase in its place"),
        ("phase = [0, 0]", "preparation.state", '"neither"', "must be given, or density with phase in its place"),
        ("density = [1e308, 1e308]", "preparation.density", "[1e+308, 1e+308]", "normalised; its sum is inf"),
    ],
)
def test_density_and_phase(refuse: Any, density: str, key: str, value: str, allowed: str) -> None:
    line = refuse(text=GOOD.replace('state = [0.8, "0.6j"]', density))
    assert line.startswith(f"job.toml: {key} = {value}: ")
    assert allowed in line


@pytest.mark.parametrize("item", ["dynamics.seed", "seed=3", "dynamics=3", "=3", "", ".seed=3", "dynamics.=3"])
def test_set_that_names_no_key(refuse: Any, item: str) -> None:
    assert refuse("--set", item) == f'--set = "{item}": must read section.key=value'


def test_set_that_is_no_text(refuse: Any) -> None:
    """Bytes of the command line that are not UTF-8 arrive as lone surrogates."""
    assert refuse("--set", "output.time_unit=\udcff").endswith("must be text in UTF-8")


def test_too_many_records(refuse: Any) -> None:
    line = refuse("--set", "dynamics.duration=1e300", "--set", "output.interval=1e-300")
    assert line == "job.toml: dynamics.duration = 1e+300: must be at most 100,000,000 times output.interval = 1e-300"


def test_interval_that_is_left_out_may_not_vanish(refuse: Any) -> None:
    line = refuse("--set", "dynamics.duration=5e-324", text=GOOD.partition("[output]")[0])
    assert line.startswith("job.toml: dynamics.duration = 5e-324: must be at most")


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("members = 1000", "members = 1000\nmembers = 2000"),
        GOOD + "[output]\ntime_unit = 's'\n",
        GOOD + "[output.time_unit]\na = 1\n[output]\ntime_unit = 's'\n",
        "[system]\na.b = 1\n[system.a]\nc = 1\n" + GOOD.replace("[system]", ""),
        "a = " + "[" * 5000,
        "a = 2024-13-45\n" + GOOD,
    ],
    ids=["key twice", "section twice", "key and section", "table twice", "deep", "no such day"],
)
def test_what_toml_forbids(refuse: Any, text: str) -> None:
    assert refuse(text=text).startswith('CONFIG = "job.toml": is not TOML: ')


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"[system\n", "is not TOML"), (b"members == 3\n", "is not TOML"), (b"\xff\xfe\x00", "is not TOML")],
)
def test_file_that_is_not_toml(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=why) as problem:
        config.read(path)
    assert str(path) in str(problem.value)


@pytest.mark.parametrize(("name", "why"), [("absent.toml", "No such file"), (".", "Is a directory")])
def test_file_that_cannot_be_read(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as problem:
        config.read(tmp_path / name)
    assert str(tmp_path) in str(problem.value)


def test_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(GOOD)
    found, _ = config.read(path)
    for name, default in CONTRACT_DEFAULTS.items():
        section, key = name.split(".")
        assert getattr(getattr(found, section), key) == default, name


def test_interval_left_out_gives_a_hundred_records(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(GOOD.replace("interval = 0.1", ""))
    found, _ = config.read(path)
    assert (found.interval, found.records) == (0.01, 100)
    path.write_text(GOOD.partition("[output]")[0])
    assert config.read(path)[0].records == 100


@pytest.mark.parametrize(
    ("setting", "section", "key", "value"),
    [
        ("dynamics.seed=7", "dynamics", "seed", 7),
        ("dynamics.seed = 18446744073709551615", "dynamics", "seed", 2**64 - 1),
        ("dynamics.duration=3", "dynamics", "duration", 3.0),
        ("dynamics.step=0.05", "dynamics", "step", 0.05),
        ("dynamics.leaving_chance=0.3", "dynamics", "leaving_chance", 0.3),
        ("dynamics.representation=occupation", "dynamics", "representation", "occupation"),
        ("dynamics.representation='occupation'", "dynamics", "representation", "occupation"),
        ("preparation.members=1e6", "preparation", "members", 1_000_000),
        ("preparation.members=1_000_000", "preparation", "members", 1_000_000),
        ("preparation.members=9223372036854775807", "preparation", "members", 2**63 - 1),
        ("preparation.phase_spread=0", "preparation", "phase_spread", 0.0),
        ("system.hbar=6.582119569e-16", "system", "hbar", 6.582119569e-16),
        ('system.labels=["left", "right"]', "system", "labels", ["left", "right"]),
        ("output.time_unit=ps", "output", "time_unit", "ps"),
        ("output.interval=0.25", "output", "interval", 0.25),
        ("output.time_unit=µs", "output", "time_unit", "µs"),
        ("checkpoint.interval=90 s", "checkpoint", "interval", "90 s"),
        ("checkpoint.interval=5", "checkpoint", "interval", 5.0),
        ("checkpoint.keep=1", "checkpoint", "keep", 1),
    ],
)
def test_set_changes_a_key_and_the_text_as_run(
    tmp_path: Path, setting: str, section: str, key: str, value: object
) -> None:
    path = tmp_path / "job.toml"
    path.write_text(GOOD)
    found, text = config.read(path, [setting])
    assert getattr(getattr(found, section), key) == value
    path.write_text(text)
    again, _ = config.read(path)
    assert again == found


def test_set_makes_a_section_that_the_file_has_not(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(GOOD.partition("[output]")[0])
    found, text = config.read(path, ["output.interval=0.5", "output.time_unit=fs"])
    assert (found.output.interval, found.output.time_unit) == (0.5, "fs")
    assert "[output]" in text


def test_later_set_wins(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(GOOD)
    assert config.read(path, ["dynamics.seed=2", "dynamics.seed=3"])[0].dynamics.seed == 3


@pytest.mark.parametrize(
    ("duration", "interval", "step"), [(0.3, 0.1, 0.01), (84.0, 0.1, 0.1 / 3), (1e-12, 1e-14, None)]
)
def test_multiples_allow_for_rounding(duration: float, interval: float, step: float | None) -> None:
    values: dict[str, Any] = {
        "system": {"hamiltonian": [[0]]},
        "preparation": {"members": 1, "state": [1]},
        "dynamics": {"duration": duration, "step": step},
        "output": {"interval": interval},
    }
    assert config.check(values).records == round(duration / interval)


H = [[0.3, 0.5], [0.5, -0.3]]
BY_NAME = {"representation": "members"}


@pytest.mark.parametrize(
    ("keywords", "key", "allowed"),
    [
        ({"members": 0}, "preparation.members = 0", "whole number of at least 1"),
        ({"members": 2.5}, "preparation.members = 2.5", "whole number of at least 1"),
        ({"members": 2**63, **BY_NAME}, f"preparation.members = {2**63}", f"at most 2^63 - 1 = {2**63 - 1}; dynamics"),
        ({"members": 9.3e18, **BY_NAME}, "preparation.members = 9.3e+18", '"occupation" goes to 1e80'),
        ({"members": 10**30, **BY_NAME}, f"preparation.members = {10**30}", "goes to 1e80"),
        ({"members": 10**81, "representation": "occupation"}, "preparation.members = 1000", "at most 1e80"),
        ({"duration": 0.95}, "dynamics.duration = 0.95", "multiple of output.interval = 0.1"),
        ({"step": 0.03}, "dynamics.step = 0.03", "must divide output.interval = 0.1"),
        ({"state": [1, 1]}, "preparation.state = [1, 1]", "must be normalised"),
        ({"state": np.array([1, 0, 0])}, "preparation.state", "one element for each of the 2 beables; it has 3"),
        ({"state": np.eye(2)}, "preparation.state", "must be"),
        ({"method": "exact", "step": 0.1}, "dynamics.step = 0.1", "copies come one by one"),
        (
            {"method": "exact", "representation": "members", "phase_spread": 0.1, "members": 10**10},
            "preparation.members = 1",
            "2e+09 for the method",
        ),
        (
            {"method": "exact", "representation": "members", "members": 10**10},
            "preparation.members = 10000000000",
            "4e+09 for the method",
        ),
        ({"method": "exact", "alignment": {"strength": 1}}, "alignment = ", "must be left out for the method"),
        ({"representation": "both"}, 'dynamics.representation = "both"', "'auto', 'members' or 'occupation'"),
        ({"phase_spread": 3.2}, "preparation.phase_spread = 3.2", "less than or equal to 3.1416"),
        ({"phases": np.zeros(999)}, "preparation.phases = ", "a real number for each of the 1000 members"),
        ({"phases": np.full(1000, np.nan)}, "preparation.phases[0] = nan", "below 1e+06 in size"),
        ({"phases": np.zeros(1000), "phase_spread": 0.1}, "preparation.phase_spread = 0.1", "where phases are given"),
        ({"alignment": {}}, "alignment.strength", "must be given"),
        ({"alignment": {"strength": 1.0, "momenta": 1e300}}, "alignment.momenta", "must be at most 1e+100"),
        ({"alignment": {"strength": 1.0, "damping": 1e101}}, "alignment.damping", "must be at most 1e+100"),
        ({"alignment": {"strength": 1, "scaling": "none"}}, 'alignment.scaling = "none"', "'total' or 'mean'"),
        ({"alignment": {"strength": 1, "potential": "cos"}}, 'alignment.potential = "cos"', "'sin2' or 'polar'"),
        ({"alignment": {"strength": 1, "on_copy": "keep"}}, 'alignment.on_copy = "keep"', "'inherit' or 'reset'"),
        ({"alignment": {"strength": 1}, "representation": "occupation"}, "dynamics.representation", '"members"'),
        ({"alignment": {"strength": 1, "force": 2}}, "alignment.force = 2", "no such key"),
        ({"spectators": 501}, "preparation.members = 1000", "must be at least 1002: the 501 spectators in each of 2"),
        ({"packet": {"eigenstate": 0}}, "preparation.state = [0.8, '0.6j']", "must be left out where packet is given"),
        ({"basis": [[1, 1], [1, -1]]}, "preparation.basis = [[1, 1], [1, -1]]", "U^dagger U - 1 is 1"),
        ({"admixture": {"state": "uniform", "weight": 1.0}}, "preparation.admixture.weight = 1.0", "below 1"),
        ({"replicas": 0}, "dynamics.replicas = 0", "greater than or equal to 1"),
        ({"seed": -1}, "dynamics.seed = -1", "greater than or equal to 0"),
        ({"seed": 10**5000}, "dynamics.seed = (an integer of", "less than 18446744073709551616"),
        ({"members": 10**5000}, "preparation.members = (an integer of", "goes to 1e80"),
        ({"duration": 1e300, "interval": 1e-300}, "dynamics.duration = 1e+300", "at most 100,000,000 times"),
    ],
)
def test_python_says_the_same(keywords: dict[str, Any], key: str, allowed: str) -> None:
    good: dict[str, Any] = {"state": [0.8, "0.6j"], "members": 1000, "duration": 1.0, "interval": 0.1}
    with pytest.raises(InputError) as problem:
        copympi.simulate(copympi.System(H), **(good | keywords))
    assert str(problem.value).startswith(key)
    assert allowed in str(problem.value)
    assert not isinstance(problem.value, NotBuiltYet)


def test_python_takes_numpys_numbers() -> None:
    plain = copympi.simulate(H, state=[0.8, 0.6j], members=100, duration=1.0, interval=0.5, seed=3, replicas=2)
    numpys = copympi.simulate(
        np.array(H),
        state=np.array([0.8, 0.6j]),
        members=np.int64(100),
        duration=np.float64(1.0),
        interval=np.float64(0.5),
        seed=np.int64(3),
        replicas=np.int32(2),
    )
    np.testing.assert_array_equal(plain.occupation, numpys.occupation)
    np.testing.assert_array_equal(plain.phase, numpys.phase)


def test_long_values_are_cut_to_one_line(refuse: Any) -> None:
    state = "[" + ", ".join(["0.123456789"] * 50) + "]"
    line = refuse("--set", f"preparation.state={state}")
    assert len(line) < 300
    assert "..." in line
    assert "it has 50" in line
