"""A build of the package whose kernels plan other last bits: the compiler may fuse multiplications and additions.

Builds by the rules of setup.py give one result on all CPUs, so that only one that breaks them shows what happens where
ranks do not compute alike.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PLANNERS = ("flows", "predictor", "lattice_members")
"""Kernels that plan a step; what draws and moves stays as it is."""


def compiled(command: list[str], source: Path, made: Path) -> None:
    """A kernel's C source made into a module by a compiler with its options."""
    include = [ROOT / "cython_src", np.get_include(), sysconfig.get_path("include")]
    headers = next((ROOT / "build" / "python-headers").glob("usr/include/python3*"), None)
    include += [headers, headers.parent] if headers is not None else []
    paths = [f"-I{path}" for path in include]
    subprocess.run([*command, *paths, "-shared", str(source), "-o", str(made), "-lm"], check=True, cwd=ROOT)


@functools.cache
def other_build() -> list[str]:
    """What is to stand before a command so that it takes the other build. Skips where there can be none."""
    compiler, flags = shutil.which("gcc"), Path("/proc/cpuinfo")
    if compiler is None or not flags.exists() or " fma " not in flags.read_text():
        pytest.skip("needs gcc, and a CPU with fused multiply-add")
    folder = Path(tempfile.mkdtemp(prefix="copympi-other-build-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(ROOT / "copympi", folder / "copympi", ignore=shutil.ignore_patterns("__pycache__"))
    options = ["-O1", "-g0", "-fPIC", "-fwrapv", "-fno-math-errno", "-w"]
    options += ["-ffp-contract=fast", "-fexpensive-optimizations", "-mavx2", "-mfma"]  # -O1 alone fuses nothing
    for name in PLANNERS:
        source, kernels = folder / f"{name}.c", folder / "copympi" / "kernels"
        pyx = ROOT / "cython_src" / f"{name}.pyx"
        known = ["--module-name", f"copympi.kernels.{name}", "-I", str(ROOT)]
        subprocess.run([sys.executable, "-m", "cython", "-3", *known, pyx, "-o", source], check=True, cwd=ROOT)
        compiled([compiler, *options], source, kernels / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}")
    return ["env", f"PYTHONPATH={folder}"]
