"""builder = "composite": parts, and terms that each act on some of them (section 3.4 of the paper)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from copympi.model.composite import assembled
from copympi.model.system import System

KEYS = ("parts", "terms")


def build(values: dict[str, Any], hbar: float, folder: Path) -> System:
    """System with its Parts as `system.parts`; InputErrors name the key."""
    return assembled(values["parts"], values["terms"], hbar, folder)
