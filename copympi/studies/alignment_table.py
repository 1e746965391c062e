"""The table of the study of alignment, at most 100 columns wide."""

from __future__ import annotations

import numpy as np

from copympi.studies.alignment_numbers import Outcome, apart, at_record, mean

ORDER = f"{'|<z>|':^12}{'|<z²>|':^12}{'lineages':^12}"
HEAD = f"{'':20}{'N':>5}{'R':>4}{'T':>5} {ORDER}{'neutral':>7}{'died':>6} {'off QM [σ]':^15}"
FOOT = """\
R replicas; T periods; ± standard error over replicas. At T: |<z>|, |<z²>|  order parameters of z = exp(iφ) in each
beable, weighted by n_a (all replicas, also those that lost a beable, where copying ends); lineages  distinct phases
left; neutral  what Moran's model (anyone copies anyone) leaves after as many copies; died  replicas that lost a
beable. off QM  rms distance of rho from Schrödinger's over the last period, started from the ensemble's own Psi, in
units of the noise that aligned copying has at this N (1: quantum mechanics), and in how many replicas (of those with
N rho_a >= 20 on the path)."""


def text(outcomes: list[Outcome]) -> str:
    """All three tables: the cases at their ends, sizes at one t/N, and finer steps."""
    lines = [*_ends(outcomes), "", *_collapse(outcomes), "", *_steps(outcomes), "", FOOT]
    return "\n".join(line.rstrip() for line in lines)


def _pm(number: tuple[float, float], digits: int = 3, width: int = 12) -> str:
    """Value and error about a ± in the column's middle."""
    value, error = (f"{x:.{digits}f}" for x in number)
    left = width // 2
    known = np.isfinite(number[0])
    return f"{value:>{left}}±{error:<{width - left - 1}}" if known else f"{'-':>{left}}".ljust(width)


def _ends(outcomes: list[Outcome]) -> list[str]:
    lines = ["Is alignment an attractor?", "", HEAD, "-" * 100]
    for o in outcomes:
        if o.case.refines:
            continue
        if o.case.alignment and not outcomes[outcomes.index(o) - 1].case.alignment:
            lines.append("")
        c, x = o.case, o.numbers
        died = f"{int(o.curves['dead'][:, -1].sum())}/{c.replicas}"
        ratio, error = x["ratio"]
        used = len(o.departure.square)
        off = f"{_pm((ratio, error), 2, 10)} ({used})"
        lines.append(
            f"{c.kind:20}{c.members:5}{c.replicas:4}{c.duration:5g} {_pm(x['order'])}{_pm(x['order2'])}"
            f"{_pm(x['lineages'], 1)}{x['neutral'][0]:7.1f}{died:>6} {off}"
        )
    return lines


def _collapse(outcomes: list[Outcome]) -> list[str]:
    """The sizes of the rules alone at the largest t/N all of them reach."""
    rules = [o for o in outcomes if not o.case.alignment and not o.case.refines]
    share = min(o.case.duration / o.case.members for o in rules)
    lines = [f"Rules alone, all at t/N = {share:.4g} periods"]
    lines += [f"{'':20}{'N':>5}{'t':>9} {ORDER}{'lineages/neutral':^18}{'died':^12}"]
    lines += ["-" * 100]
    for o in rules:
        k = int(np.argmin(np.abs(o.time - share * o.case.members)))
        ratio = o.curves["lineages"][:, k] / o.curves["neutral"][:, k]
        value, error = mean(ratio)
        lines.append(
            f"{o.case.kind:20}{o.case.members:5}{o.time[k]:9g} {_pm(at_record(o.curves['order'], k))}"
            f"{_pm(at_record(o.curves['order2'], k))}{_pm(at_record(o.curves['lineages'], k), 1)}"
            f"{_pm((float(value), float(error)), 2, 18)}{_pm(at_record(o.curves['dead'], k), 2)}"
        )
    return lines


def _steps(outcomes: list[Outcome]) -> list[str]:
    """The cases run again in finer steps, at their ends."""
    by_name = {o.case.name: o for o in outcomes}
    lines = ["Half the leaving chance and a quarter of the tolerance: what changes, in standard errors"]
    lines += [f"{'':31}{'':10}{'default':^18}{'finer':^18}{'change/error':>14}", "-" * 100]
    names = {"order": "|<z>|", "order2": "|<z²>|", "lineages": "lineages", "copies": "copies/N", "dead": "died"}
    for fine in (o for o in outcomes if o.case.refines):
        coarse = by_name[fine.case.refines]
        for k, (key, shown) in enumerate(names.items()):
            one, other = coarse.numbers[key], fine.numbers[key]
            off = apart(one, other)
            change = f"{off:14.1f}" if np.isfinite(off) else f"{'none' if one[0] == other[0] else '?':>14}"
            title = coarse.case.name if k == 0 else ""
            lines.append(f"{title:31}{shown:10}{_pm(one, 3, 18)}{_pm(other, 3, 18)}{change}")
    return lines
