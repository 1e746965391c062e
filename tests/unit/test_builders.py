"""Every row of the table of builders: a module with keys of its own that complains by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomlkit

from copympi.config import reading as config
from copympi.errors import InputError
from copympi.model import build, builders

EXAMPLES: dict[str, str] = {
    "composite": 'parts = {A = 2, B = 3}\nterms = [{on = ["A", "B"], operator = "sx*x"}]',
    "lattice": "sites = 8",
}
"""The fewest keys that make a system."""


def section(text: str) -> Any:
    return tomlkit.parse(f"[system]\n{text}\n[preparation]\nmembers = 10\n[dynamics]\nduration = 1.0").unwrap()


@pytest.mark.parametrize("name", builders.builders())
def test_every_builder(name: str) -> None:
    assert name in EXAMPLES, f"tests/unit/test_builders.py wants an example of {name}"
    text = f'builder = "{name}"\n{EXAMPLES[name]}'
    made = build.system(config.check(section(text)).system, Path())
    assert made.P > 0
    assert build.system(config.check(section(text + "\nhbar = 2.0")).system, Path()).hbar == 2.0
    with pytest.raises(InputError, match=r"system\.labels = .* must have one name for each"):
        build.system(config.check(section(text + '\nlabels = ["one"]')).system, Path())
    with pytest.raises(InputError, match=r"system\.colour = .*no such key; the nearest is .*known here: hamiltonian"):
        config.check(section(text + '\ncolour = "red"'))
    with pytest.raises(InputError, match=r"system\.builder = .* must be left out where hamiltonian is given"):
        config.check(section(text + "\nhamiltonian = [[1.0]]"))
    for key in builders.builders()[name].KEYS:
        with pytest.raises(InputError, match=rf"system\.{key} = 1: must go with builder = \"{name}\""):
            config.check(section(f"hamiltonian = [[1.0]]\n{key} = 1"))


def test_a_key_that_no_builder_has() -> None:
    with pytest.raises(InputError, match=r"system\.hamiltonia = .*the nearest is 'hamiltonian'"):
        config.check(section("hamiltonia = [[1.0]]"))
