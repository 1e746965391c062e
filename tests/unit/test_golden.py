"""Every method's results keep their bits: digests of small runs are those of tests/golden.json (see tests/golden.py).

Null hypothesis: what is recorded is, byte for byte, what the code gave when the file was written. The digests of all
cases are computed in one process, whose arithmetic is that of any x86-64. Where one differs although glibc, numpy and
scipy are those of the file, the code has changed a result. Where they are others, nothing can be said: the test is then
skipped and says so.
"""

from __future__ import annotations

import json

import pytest

from tests import golden

KNOWN = json.loads(golden.FILE.read_text())
A_FEW = (
    "members, P = 2", "counts, P = 8", "lattice, N = 1e30", "phases, one block", "phases, blocks", "kinds",
    "exact phases",
)  # fmt: skip


@pytest.fixture(scope="module")
def found() -> golden.Digests:
    """The digests of all cases, of today."""
    return golden.computed_apart()


@pytest.mark.parametrize("case", KNOWN["digests"])
def test_results_keep_their_bits(case: str, found: golden.Digests) -> None:
    wrong = golden.differences({case: KNOWN["digests"][case]}, found)
    if wrong and golden.libraries() != KNOWN["libraries"]:
        pytest.skip(f"written with {KNOWN['libraries']}, here are {golden.libraries()}: {'; '.join(wrong)}")
    assert not wrong, "\n".join(wrong)


def test_every_case_is_noted(found: golden.Digests) -> None:
    assert set(found) == set(KNOWN["digests"]), "python -m tests.golden --write notes what is new"


def test_another_seed_gives_other_digests(found: golden.Digests) -> None:
    """So the digests can fail: of what does not depend on the seed, the times alone stay."""
    cases = [part for case in A_FEW for part in ("--case", case)]
    other = golden.computed_apart("--seed", "77", *cases)
    assert set(other) == set(A_FEW)
    for case in A_FEW:
        wrong = golden.differences({case: found[case]}, other)
        for name in ("occupation", "phase", "events"):
            assert any(line.startswith(f"{case}: {name} is ") for line in wrong), f"{case}: {name} is the same"
        assert not any(line.startswith(f"{case}: time is ") for line in wrong)
    assert golden.differences(found, {}), "missing cases are differences"


def test_the_arithmetic_does_not_depend_on_what_the_environment_asks_for(
    found: golden.Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a user has set for libm, numpy and BLAS is overruled."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    monkeypatch.delenv("NPY_DISABLE_CPU_FEATURES", raising=False)
    case = "lattice, packet"
    assert golden.computed_apart("--case", case)[case] == found[case]
