"""The tables of the study of the classical limit, at most 100 columns wide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from copympi.studies.classical_cases import Solver
from copympi.studies.classical_numbers import Outcome, power_law

WIDE = 100
HEAD = (
    f"{'':12}{'N':>5}{'s':>3}{'R':>3} {'max|<x> - QM|':^17}{'max|<x> - Newton|':^19}{'largest <x>':^16}"
    f"{'empty':>7}{'least n':>9}{'steps':>8}"
)
FOOT = """\
N members, s spectators a site, R replicas; ± standard error over replicas. QM: Schrödinger's
equation on the same lattice; Newton: m x'' = -V', from <x> and <p> at the start; both over the
whole run. largest <x>: where copies turn round or stop. empty: sites with nobody at the end (mean).
least n: the smallest n_a ever; steps: of all replicas."""
SWING_FOOT = """\
abar p: largest abar |dS/dx|/hbar of (62), rms over the packet. lattice: QM's distance to Newton's
path with the lattice's dispersion, the limit hbar -> 0 at fixed abar p. ~ hbar^: exponent of a
power law through the rows of a column, ± its standard error from their scatter."""


def text(outcomes: list[Outcome]) -> str:
    """The ensembles at harmonic and double well, and the pendulum at every hbar."""
    wells = [o for o in outcomes if o.case.problem.kind != "pendulum"]
    swings = [o for o in outcomes if o.case.problem.kind == "pendulum"]
    lines = [*_wells(wells), FOOT, "", *_swings(swings), SWING_FOOT]
    return "\n".join(line.rstrip() for line in lines)


def _wells(outcomes: Iterable[Outcome]) -> list[str]:
    lines, last = ["Do large bodies obey Newton? Distances in sites", "", HEAD, "-" * WIDE], ""
    for o in outcomes:
        kind, c, x = o.case.problem.kind, o.case, o.numbers
        if last not in ("", kind):
            lines.append("")
        lines.append(
            f"{'' if kind == last else kind:12}{c.size:>5}{c.spectators:>3}{c.replicas:>3} {pm(x['off quantum']):^17}"
            f"{pm(x['off newton']):^19}{pm(x['farthest'], 4):^16}{x['empty'][0]:>7.4g}{count(o.least):>9}{o.steps:>8}"
        )
        last = kind
    return lines


def _swings(outcomes: list[Outcome]) -> list[str]:
    solvers = list(dict.fromkeys(o.case.solver for o in outcomes))
    names = {o.case.solver: f"{o.case.size} s={o.case.spectators}" for o in outcomes}
    head = f"{'hbar':>5}{'sites':>6}{'abar p':>8} {'QM':^12}{'lattice':^12}" + "".join(
        f"{names[s]:^14}" for s in solvers
    )
    lines = ["A pendulum from 1 rad, one period of small swings: max|<x> - Newton| in rad", "", head, "-" * WIDE]
    problems = list(
        {o.case.problem.inverse: o for o in sorted(outcomes, key=lambda o: o.case.problem.inverse)}.values()
    )
    lines += _block(problems, outcomes, solvers, "off newton", quantum_off, dispersed_off)
    bare = head.replace("lattice", "       ")
    lines += ["", "The same: <V_Q>/<m v²/2>, means over the run", "", bare, "-" * WIDE]
    lines += _block(problems, outcomes, solvers, "share", lambda o: o.reference.share, None)
    lines += ["", "The same: largest <x> in rad, where copies turn round or stop", "", bare, "-" * WIDE]
    lines += _block(problems, outcomes, solvers, "farthest", lambda o: float(o.reference.quantum.max()), None, False)
    return lines


def quantum_off(o: Outcome) -> float:
    """The largest distance of Schroedinger's <x> to Newton's x."""
    return float(abs(o.reference.quantum - o.reference.newton).max())


def dispersed_off(o: Outcome) -> float:
    """The same to Newton's with the lattice's dispersion."""
    return float(abs(o.reference.quantum - o.reference.dispersed).max())


def _block(
    problems: list[Outcome],
    outcomes: list[Outcome],
    solvers: list[Solver],
    number: str,
    quantum: Callable[[Outcome], float],
    dispersed: Callable[[Outcome], float] | None,
    laws: bool = True,
) -> list[str]:
    """A row for each hbar and, where there are power laws, the exponents."""
    lines = []
    found = {(o.case.solver, o.case.problem.inverse): o for o in outcomes}
    for o in problems:
        p = o.case.problem
        other = "" if dispersed is None else f"{dispersed(o):.4f}"
        line = f"{f'1/{p.inverse}':>5}{p.sites:>6}{o.reference.step:>8.3f} {quantum(o):^12.4f}{other:^12}"
        for solver in solvers:
            here = found.get((solver, p.inverse))
            line += f"{'-' if here is None else pm(here.numbers[number], 4 if laws else 3):^14}"
        lines.append(line)
    if not laws:
        return lines
    hbars = [o.case.problem.hbar for o in problems]
    line = f"{'~ hbar^':>19} {_exponent(hbars, [quantum(o) for o in problems]):^12}"
    line += f"{'' if dispersed is None else _exponent(hbars, [dispersed(o) for o in problems]):^12}"
    for solver in solvers:
        mine = [o for o in outcomes if o.case.solver == solver]
        points = [o.case.problem.hbar for o in mine], [o.numbers[number][0] for o in mine]
        line += f"{_exponent(*points):^14}"
    return [*lines, line]


def _exponent(x: list[float], y: list[float]) -> str:
    slope, error, _ = power_law(x, y)
    return "-" if math.isnan(slope) else f"{slope:.3f}" + ("" if math.isnan(error) else f"±{error:.3f}")


def pm(number: tuple[float, float], digits: int | None = None) -> str:
    """Value ± error: so many digits behind the point, or as many as the error has a meaning in."""
    value, error = number
    known = not math.isnan(error)
    if digits is None and abs(value) < 1e-3:
        return short(value) + (f"±{error:.0e}".replace("e-0", "e-") if known else "")
    if digits is None:
        size = error if known and error > 0 else abs(value) * 1e-3
        digits = min(5, max(1, 1 - math.floor(math.log10(size)))) if size > 0 else 1
    return f"{value:.{digits}f}" + (f"±{error:.{digits}f}" if known else "")


def short(value: float) -> str:
    """Two digits and a power of ten."""
    return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def count(n: float) -> str:
    """Members, by their size where they are many."""
    return f"{n:.0f}" if n < 1e6 else short(n)
