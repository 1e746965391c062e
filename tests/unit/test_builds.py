"""What a run says of the builds and CPUs that it ran on, and starts that are the same on all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import copympi
from copympi.cli.main import main
from copympi.engine.build import build, unlike
from copympi.errors import OtherMachineWarning
from copympi.run import carry
from copympi.storage import checkpoints

OTHER = "gcc 99.1, -O1 -g0, for x86-64, wide loops: SSE2, glibc 9.9"
SAME = "gcc 12.2.0, -O3 -g0, for x86-64, wide loops: AVX-512, glibc 2.36"


def test_what_differs_is_named_alone() -> None:
    """Null hypothesis: the CPU at hand and the C library's version are no other build."""
    assert unlike(OTHER, SAME) == "gcc 99.1 (here gcc 12.2.0), flags -O1 (here -O3)"
    assert unlike(SAME.replace("for x86-64", "for aarch64"), SAME) == "for aarch64 (here x86-64)"
    assert unlike(SAME.replace("AVX-512", "SSE2").replace("2.36", "2.41"), SAME) == ""
    assert unlike(build(), build()) == ""
    assert all(unlike(OTHER, build()).count(part) for part in ("gcc 99.1 (here ", "flags -O1 "))


def test_a_run_that_goes_on_with_another_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One warning; the bits of an uninterrupted run; results.h5 and `copympi info` name both builds, in their order."""
    system = copympi.System([[0.0, 0.5], [0.5, 0.0]])
    given = {"members": 200, "state": [0.8, 0.6], "seed": 3, "interval": 0.5, "representation": "members"}
    whole = copympi.simulate(system, duration=2.0, **given)
    with monkeypatch.context() as patch:
        patch.setattr(carry, "build", lambda: OTHER)
        copympi.simulate(system, duration=1.0, output=tmp_path, **given)
    assert len(checkpoints.numbered(tmp_path)) == 1
    with pytest.warns(OtherMachineWarning) as seen:
        longer = copympi.simulate(system, duration=2.0, output=tmp_path, resume=True, **given)
    said = [str(warning.message) for warning in seen]
    assert len(said) == 1
    assert "another build, gcc 99.1 (here " in said[0]
    assert longer.occupation.tobytes() == whole.occupation.tobytes()
    with h5py.File(tmp_path / "results.h5") as file:
        assert file.attrs["build"] == f"{OTHER}, then {build()}"
    with pytest.raises(SystemExit) as end:
        main(["info", str(tmp_path)])
    assert end.value.code == 0
    assert f"build     {OTHER}, then {build()}\n" in capsys.readouterr().out


START = """
import zlib
import numpy as np
from copympi.engine.arithmetic import arithmetic
from copympi.model import composite, parts
k = np.arange(1, 10)
one = (k % 0.7 + 1j * (k % 1.1)).tolist()
made = parts.checked({"A": 9, "B": 9, "C": 9})
psi, _ = composite.product_state({"A": one, "B": one[::-1], "C": one}, made, True)
terms = [{"on": ["A", "B"], "operator": "sp*sm + h.c.", "strength": 0.3 + 0.7j}]
H = composite.hamiltonian(terms, made)
said = [str(zlib.crc32(values.tobytes())) for values in (psi, H.data)] + [arithmetic().split()[-1]]
print(*said)
"""


def test_a_composite_system_is_the_same_on_other_cpus() -> None:
    """Null hypothesis: Psi and H keep their bits where NumPy takes no loops for AVX2 and AVX-512."""
    newer = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if not newer:
        pytest.skip("needs a CPU and a NumPy with loops for more than the least of its kind")
    env = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(newer)}
    done = subprocess.run(
        [sys.executable, "-c", START], env=env, check=True, stdout=subprocess.PIPE, text=True, timeout=300
    )
    found: dict[str, Any] = {}
    exec(START, found)
    psi, H, own = found["said"]
    other_psi, other_H, other = done.stdout.split()
    assert (psi, H) == (other_psi, other_H)
    assert own != other, "the digest of arithmetic sees unlike CPUs"
