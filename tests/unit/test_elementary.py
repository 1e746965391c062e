"""Functions of our own in place of libm's: right to the last digit, of known bits; no kernel calls libm beside them.

tools/bits.py compiles them, and all kernels, with other compilers and for other machines: too long for every day.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import subprocess
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import blake2b
from math import ulp
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from copympi.kernels import portable
from copympi.kernels.draws import elementary
from tests.reference import elementary as reference

KERNELS = sorted((Path(portable.__file__).parent).glob("*.so"))
EXACT = {
    "ceil", "copysign", "fabs", "floor", "fma", "frexp", "ldexp", "llrint", "lrint", "nearbyint", "nextafter", "rint",
    "round", "scalbn", "sqrt", "trunc",
}  # fmt: skip
"""Functions of libm that have one right result, and give it."""
Floats = NDArray[np.float64]


def of_libm(names: Iterable[str]) -> set[str]:
    """Those of these symbols that the C library's mathematics has, and not the C library itself."""
    libm, libc = (ctypes.CDLL(ctypes.util.find_library(name)) for name in "mc")
    return {name for name in names if hasattr(libm, name) and not hasattr(libc, name)}


def test_no_kernel_calls_what_libraries_round_differently() -> None:
    """nm lists what a kernel wants of other libraries."""
    if shutil.which("nm") is None:
        pytest.skip("nm is missing: binutils")
    assert of_libm(["sin", "malloc", "erfc"]) >= {"sin", "erfc"}, "so this test can fail"
    done = subprocess.run(["nm", "-D", "--undefined-only", *KERNELS], capture_output=True, text=True, check=True)
    wanted = {line.split()[-1].split("@")[0] for line in done.stdout.splitlines() if " U " in line}
    assert "PyErr_SetString" in wanted
    assert len(KERNELS) > 50
    assert of_libm(wanted) <= EXACT


RNG = np.random.default_rng(5)
SOME = RNG.uniform(-1.0, 1.0, 120)
WIDE = SOME * 2.0 ** RNG.integers(-40, 40, 120)
ODD = np.array([0.0, 1e-20, 3.141592653589793, 1.5707963267948966, 25735.0, 6381956970095103.0 * 2.0**797, 1e22])
"""Among them the double that lies nearest to a multiple of pi/2 of all."""


CASES: dict[str, tuple[Callable[..., Any], Callable[..., Decimal], Floats, float]] = {
    "sin": (portable.sin, lambda x: reference.sin_cos(x)[0], np.concatenate([4 * SOME, WIDE, ODD]), 0.502),
    "cos": (portable.cos, lambda x: reference.sin_cos(x)[1], np.concatenate([4 * SOME, WIDE, ODD]), 0.502),
    "exp": (portable.exp, reference.exp, np.concatenate([SOME, 700 * SOME]), 0.52),
    "log": (portable.log, reference.log, np.concatenate([np.abs(WIDE), 1 + SOME / 64]), 0.502),
    "log1p": (portable.log1p, reference.log1p, np.concatenate([SOME, WIDE[np.abs(WIDE) < 1]]), 1.0),
    "erfc": (portable.erfc, reference.erfc, np.concatenate([[0.0], 3 * np.abs(SOME), 7 * np.abs(SOME[:20])]), 4.0),
    "log of draws": (lambda x: elementary(x)[0], reference.log, np.abs(WIDE[np.abs(WIDE) < 700]), 1.0),
    "exp of draws": (lambda x: elementary(x)[2], lambda x: reference.exp(-x), np.abs(600 * SOME) + 1e-9, 1.0),
}


def errors(found: Floats, true: Iterable[Decimal]) -> list[float]:
    """How far off, in units of the last place."""
    return [float(abs(Decimal(float(a)) - b)) / ulp(float(b)) for a, b in zip(found, true, strict=True)]


@pytest.mark.parametrize("name", CASES)
def test_functions_are_right_to_the_last_digit(name: str) -> None:
    """Against 60 digits; 0.5 would be the nearest double always."""
    mine, true, x, most = CASES[name]
    off = errors(mine(x), map(true, x.tolist()))
    assert max(off) < most, x[int(np.argmax(off))]
    assert max(errors(mine(x) * (1 + 2.0**-49), map(true, x.tolist()))) > most, "so this test can fail"


def test_angles_and_sizes_are_right_to_the_last_digit() -> None:
    x, y = np.concatenate([SOME, WIDE]), np.concatenate([SOME[::-1], RNG.permutation(WIDE)])
    z = x + 1j * y
    assert max(errors(portable.angles(z), map(reference.angle, y.tolist(), x.tolist()))) < 0.502
    squares = [Decimal(a) ** 2 + Decimal(b) ** 2 for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert max(errors(portable.sizes(z), (each.sqrt() for each in squares))) < 2.0
    assert max(errors(portable.lengths(x, y), (each.sqrt() for each in squares))) < 0.6


def test_numbers_that_are_none_and_edges() -> None:
    inf, nan = np.inf, np.nan
    real, imaginary = (0.0, -0.0, 1.0, -1.0, inf, -inf, 1e-320, 1e308), (0.0, -0.0, 2.0, -inf, 1e-310)
    z = [complex(a, b) for a in real for b in imaginary]
    assert portable.angles(z).tolist() == pytest.approx(np.angle(z).tolist(), rel=1e-15, abs=0.0)
    assert np.array_equal(np.signbit(portable.angles(z)), np.signbit(np.angle(z)))
    assert portable.sizes(z).tolist() == pytest.approx(np.abs(z).tolist(), rel=1e-15, abs=0.0)
    assert portable.exp([inf, -inf, 709.7, -745.0, 0.0]).tolist() == pytest.approx(
        [inf, 0.0, np.exp(709.7), np.exp(-745.0), 1.0], rel=1e-13, abs=0.0
    )
    assert portable.log([0.0, inf, 5e-324, 1.0]).tolist() == pytest.approx([-inf, inf, np.log(5e-324), 0.0], rel=1e-15)
    assert np.all(np.isnan([*portable.log([-1.0, nan]), *portable.sin([inf, nan]), *portable.cos([-inf, nan])]))
    assert np.all(np.isnan([portable.exp(nan), portable.angles(complex(nan, 1.0)), portable.sizes(complex(nan, 1.0))]))
    assert portable.erfc([26.5, 30.0, 0.0]).tolist() == [0.0, 0.0, 1.0]
    assert np.signbit(portable.sin(-0.0))


def test_shapes_and_products() -> None:
    y, z = SOME[:6].reshape(2, 3) + 0.5j, (SOME[6:9] - 1j * SOME[9:12])[None]
    assert portable.times(y, z).shape == (2, 3)
    np.testing.assert_allclose(portable.times(y, z), y * z, rtol=1e-14)
    assert portable.norm(z) == pytest.approx(np.linalg.norm(z), rel=1e-15)
    assert portable.turns(0.5).shape == ()
    assert portable.exp(np.zeros((0, 2))).shape == (0, 2)


def test_the_ends_of_what_functions_take() -> None:
    """Of huge exponents (to half a unit more than elsewhere), subnormal ratios, infinities, and numbers alone."""
    x = np.concatenate([np.linspace(-745.0, -700.0, 200), np.linspace(700.0, 709.78, 200)])
    true = [Decimal(float(v)).exp() for v in x]
    off = [abs(Decimal(float(got)) - e) / Decimal(ulp(float(e))) for got, e in zip(portable.exp(x), true, strict=True)]
    assert max(off) < 1.05
    z = np.array([1e-100 + 1.23e-310j, 1e-20 - 7e-301j, 1e-100 + 0j, -1e-100 + 1.23e-310j, 1.23e-310 + 1e-100j])
    np.testing.assert_array_equal(portable.angles(z), np.arctan2(z.imag, z.real), strict=True)
    inf, nan = np.inf, np.nan
    assert portable.log1p(inf) == inf
    np.testing.assert_allclose(portable.erfc([-0.3, -3.0, -inf, inf]), [1.3286267594591274, 1.9999779095030015, 2, 0])
    np.testing.assert_array_equal(portable.lengths([inf, nan, nan, 3.0], [nan, -inf, 1.0, 4.0]), [inf, inf, nan, 5.0])
    for f in (portable.exp, portable.log, portable.sin, portable.cos, portable.turns, portable.angles, portable.sizes):
        assert f(0.5).shape == (), f.__name__


FROZEN = {
    "exp": "a3d6fda621009659", "log": "2a676e4d1dac3da4", "log1p": "b852d7a942660943", "erfc": "44e8244621e97b31",
    "turns": "6424fe1eb5cc0dc7", "angles": "cce523773ac98ffc", "sizes": "c214e6bdc2c0c6b3",
}  # fmt: skip
"""Digests of values at the arguments below."""


@pytest.mark.parametrize("name", FROZEN)
def test_bits_are_those_of_every_machine(name: str) -> None:
    """Arguments are made of whole numbers, by what every machine rounds alike."""
    k = np.arange(1, 20_001, dtype=np.float64)
    x = k * k / 3.0 % 640.0
    y = k * k / 7.0 % 1.0
    arguments = {"angles": (x - 300.0) + 1j * y, "sizes": x + 1j * y, "log1p": -y, "erfc": 20 * y, "exp": x - 320.0}
    values = getattr(portable, name)(arguments.get(name, x))
    assert blake2b(np.ascontiguousarray(values).tobytes(), digest_size=8).hexdigest() == FROZEN[name]


def test_the_build_is_said_in_one_line() -> None:
    said = portable.build()
    assert "\n" not in said
    assert "-ffp-contract=off" in said
