"""Elementary functions to so many digits, in Python's decimals: slow, and plain to see."""

from __future__ import annotations

from decimal import Decimal, localcontext

DIGITS = 60


def sin_cos(x: float, digits: int = DIGITS) -> tuple[Decimal, Decimal]:
    """Sine and cosine by Taylor's series of the angle less whole turns."""
    with localcontext() as context:
        context.prec = digits + max(0, Decimal(x).adjusted())
        turn = 8 * quarter_of_pi(context.prec)
        angle = Decimal(x) - turn * (Decimal(x) / turn).to_integral_value()
        sums, term, k = [Decimal(0), Decimal(0)], Decimal(1), 0
        while abs(term) > Decimal(10) ** -(digits + 30):
            sums[k % 2] += term if k % 4 < 2 else -term
            k += 1
            term *= angle / k
        return sums[1], sums[0]


def arctan(t: Decimal) -> Decimal:
    """Angle, rad, of a number of any size: its half as often as makes the series short."""
    halved = 0
    while abs(t) > Decimal("0.01"):
        t = t / (1 + (1 + t * t).sqrt())
        halved += 1
    total, power, k = Decimal(0), t, 0
    while power and abs(power) > abs(t) * Decimal(10) ** -(DIGITS + 10):
        total += power / (2 * k + 1) if k % 2 == 0 else -power / (2 * k + 1)
        power *= t * t
        k += 1
    return total * 2**halved


def angle(y: float, x: float) -> Decimal:
    """The angle of the point (x, y), x != 0, rad in (-pi, pi]."""
    with localcontext() as context:
        context.prec = DIGITS
        first = arctan(Decimal(y) / Decimal(x))
        half = 4 * quarter_of_pi(DIGITS)
        return first if x > 0 else first + half if y >= 0 else first - half


def exp(x: float) -> Decimal:
    with localcontext() as context:
        context.prec = DIGITS
        return Decimal(x).exp()


def log(x: float) -> Decimal:
    with localcontext() as context:
        context.prec = DIGITS
        return Decimal(x).ln()


def log1p(x: float) -> Decimal:
    with localcontext() as context:
        context.prec = DIGITS
        return (1 + Decimal(x)).ln()


def erfc(x: float) -> Decimal:
    """1 - erf(x), x >= 0, by the series of erf with as many digits as its terms need."""
    with localcontext() as context:
        context.prec = DIGITS + int(2 * x * x)
        z = Decimal(x)
        total, term, k = Decimal(0), z, 0
        while abs(term) > Decimal(10) ** -(context.prec - 5):
            total += term / (2 * k + 1)
            k += 1
            term *= -z * z / k
        return 1 - 2 * total / (4 * quarter_of_pi(context.prec)).sqrt()


def quarter_of_pi(digits: int) -> Decimal:
    """pi/4 to so many digits, by Machin's sum."""
    with localcontext() as context:
        context.prec = digits + 10

        def small(n: int) -> Decimal:
            total, power, k = Decimal(0), Decimal(1) / n, 0
            while power > Decimal(10) ** -(digits + 8):
                total += (1 - 2 * (k % 2)) * power / (2 * k + 1)
                power /= n * n
                k += 1
            return total

        return 4 * small(5) - small(239)
