"""Numbers as one reads them."""

from __future__ import annotations

from copympi.text import MOST_DIGITS
from copympi.text import humane as humane


def whole(x: float, digits: int = 0) -> str:
    """A mean occupation with so many digits behind the point, or by its size."""
    return f"{x:,.{digits}f}" if abs(x) < 1e16 else f"{x:.10g}".replace("e+", "e")


def significant(x: float, sign: bool = False) -> str:
    """A number with about three digits that mean something."""
    if x == 0:
        return "0"
    if abs(x) < 1 or abs(x) >= 1e9:
        return f"{x:+.3g}" if sign else f"{x:.3g}"
    digits = 1 if abs(x) < 100 else 0
    return f"{x:+,.{digits}f}" if sign else f"{x:,.{digits}f}"


def power(n: float) -> str:
    """For a figure: 1,234,567 as it is, but round and very large numbers as powers of ten."""
    if n == float("inf"):
        return r"$\infty$"
    if n >= MOST_DIGITS:
        mantissa, _, exponent = f"{float(n):.4g}".partition("e+")
        return f"$10^{{{exponent}}}$" if mantissa == "1" else f"${mantissa}\\times 10^{{{exponent}}}$"
    text = str(n)
    zeros = len(text) - len(text.rstrip("0"))
    if zeros >= 4:
        lead = text[: len(text) - zeros]
        mantissa = lead[0] + ("." + lead[1:] if len(lead) > 1 else "")
        exponent = str(len(text) - 1)
        return f"$10^{{{exponent}}}$" if mantissa == "1" else f"${mantissa}\\times 10^{{{exponent}}}$"
    return f"{n:,}"
