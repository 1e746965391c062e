"""The tables of the study of mixing, at most 100 columns wide."""

from __future__ import annotations

from copympi.report.tables import Column, Row, Table, count, measured, number, word
from copympi.report.tables import text as as_text
from copympi.studies.mixing.numbers import STATIONARY, Answers

COLUMNS = {
    "part": ("", "part of the study"),
    "what": ("", "which system"),
    "members": ("members", "N"),
    "high": ("1", "largest |Psi_0|^2"),
    "low": ("1", "least |Psi_0|^2"),
    "half": ("1", "share of those in beable 0 at its top who are there at its bottom, and its standard error"),
    "half expected": ("1", "the same without end of N"),
    "memory": ("1", "second eigenvalue of the mean chances of a period, or at the end, and its standard error"),
    "expected": ("1", "the same by theory"),
    "periods": ("1", "how long an average is taken"),
    "share": ("1", "of looks in beable 0, mean over members, and its standard error"),
    "share expected": ("1", "the same by Schroedinger's equation"),
    "scatter": ("1", "its standard deviation over members, and its standard error"),
    "scatter expected": ("1", "the same by Bell's process"),
    "time": ("hbar/energy", "time; of a box: in which H is down to 1/e, and its standard error"),
    "h": ("1", "sum p ln(p/|Psi|^2) of members that began in one beable, and its standard error"),
    "h expected": ("1", "the same by Bell's process"),
    "levels": ("1", "of a random H"),
    "systems": ("1", "random H"),
    "forgetful": ("1", "of them those that forget while they are watched, in copies and in Bell's process"),
    "bell": ("hbar/energy", "time in which 1/e of the memory is left in Bell's process, and its standard error"),
    "copies": ("hbar/energy", "the same in copies; in stationary states: copies by the end, and its standard error"),
    "ratio": ("1", "of both times, and its standard error"),
    "sites": ("1", "of a ring"),
    "turns": ("1", "in which the first harmonic of places is down to 1/e, and its standard error"),
    "turns expected": ("1", "the same by theory"),
    "copies expected": ("members", "the same by theory"),
    "forgets": ("1", "R t/sqrt(N) at which memory is down to 1/e, and its standard error"),
    "forgets expected": ("1", "the same by theory"),
    "modes": ("1", "in the box"),
    "side": ("1", "sites to a side; 0: no lattice"),
    "draws": ("1", "of the modes' phases"),
    "relaxed": ("1", "of them those whose H comes down to 1/e; the others count with the end"),
    "end": ("hbar/energy", "how long each is watched"),
    "rest": ("1", "H at the end over that at the start, and its standard error"),
    "check": ("1", "of what began as |Psi|^2: its distance from it (lattice), or its H, at the end"),
}
"""Column of a row -> (units, what it is)."""
MEMORIES = """\
stay: share of those in beable 0 at the top of |Psi_0|^2 who are still there at its bottom, half a
period on; memory: second eigenvalue of the mean chances of a whole period, 0 where a system has
forgotten where it began. Theory: N without end, phases aligned, nobody pinned. ± standard error."""
RANDOM = """\
forgets: when what a member's beable tells of where it began is down to 1/e (mean distance of its
chances from those of all), geometric mean over random H, hbar over the rms spread of energies;
only those that forget while they are watched. ratio: copies over Bell's process, H by H."""
STATIC = f"""\
Two levels: n_0 = n_1, and one member more in one of them; R t/sqrt(N) = 3 at the end. forgets:
where memory is down to 1/e (theory, without end of N: {STATIONARY:.3f}). Four levels: a random real H with
R of order 1, counts rounded to N rho."""
BOX = """\
H coarse-grained into 16 by 16 cells. 1/e: time in which it is down to 1/e (a run that ends before
counts with its end). check: what began as |Psi|^2: its total variation from it at the end
(lattice), or its H (particles, less what their number makes)."""


def text(answers: Answers) -> str:
    """All tables."""
    return as_text(
        _memories(answers.memories), MEMORIES, _average(answers.average), _relaxation(answers.relaxation),
        _random(answers.random), RANDOM, _ring(answers.ring), _stationary(answers.stationary), STATIC,
        _box(answers.box), BOX,
    )  # fmt: skip


def _memories(rows: list[Row]) -> Table:
    columns = [
        Column("", 12, word("part"), "<"),
        Column("", 16, word("what"), "<"),
        Column("N", 7, lambda row: count(row["members"])),
        Column("stay", 18, measured("half", 4), "±"),
        Column("theory", 8, number("half expected", ".4f")),
        Column("memory", 18, measured("memory", 4), "±"),
        Column("theory", 8, number("expected", ".4f")),
    ]
    return Table("Two levels: what half a period and a whole one leave", columns, parted(rows, "part"))


def parted(rows: list[Row], key: str) -> list[Row | None]:
    """A blank line wherever a column changes."""
    shown: list[Row | None] = []
    for row in rows:
        if shown and shown[-1] is not None and shown[-1][key] != row[key]:
            shown.append(None)
        shown.append(row)
    return shown


def _average(rows: list[Row]) -> Table:
    columns = [
        Column("periods", 8, number("periods", "d")),
        Column("mean", 22, measured("share", 4), "±"),
        Column("theory", 9, number("share expected", ".4f")),
        Column("scatter", 22, measured("scatter", 5), "±"),
        Column("theory", 9, number("scatter expected", ".5f")),
    ]
    return Table("Share of time that one member spends in beable 0, after so many periods", columns, rows)


def _relaxation(rows: list[Row]) -> Table:
    columns = [
        Column("", 14, word("what"), "<"),
        Column("N", 8, lambda row: count(row["members"])),
        Column("t", 7, number("time", ".2f")),
        Column("H", 22, measured("h", 5), "±"),
        Column("Bell", 10, number("h expected", ".5f")),
    ]
    return Table("Members that began in one beable: sum p ln(p/|Psi|^2)", columns, parted(rows[::10], "what"))


def _random(rows: list[Row]) -> Table:
    columns = [
        Column("P", 4, number("levels", "d")),
        Column("N", 8, lambda row: count(row["members"])),
        Column("forget", 9, lambda row: f"{row['forgetful']}/{row['systems']}"),
        Column("Bell's process", 18, measured("bell", 3), "±"),
        Column("copies", 18, measured("copies", 3), "±"),
        Column("ratio", 18, measured("ratio", 4), "±"),
    ]
    return Table("Random H: when one has forgotten", columns, rows)


def _ring(rows: list[Row]) -> Table:
    columns = [
        Column("sites", 6, number("sites", "d")),
        Column("N", 8, lambda row: count(row["members"])),
        Column("turns", 18, measured("turns", 3), "±"),
        Column("theory", 8, number("turns expected", ".3f")),
    ]
    return Table("A wave on a ring: in how many turns one forgets", columns, rows)


def _stationary(rows: list[Row]) -> Table:
    columns = [
        Column("", 29, word("what"), "<"),
        Column("N", 7, lambda row: count(row["members"])),
        Column("copies", 16, measured("copies", 0), "±"),
        Column("theory", 8, number("copies expected", ".0f")),
        Column("memory", 15, measured("memory", 3), "±"),
        Column("theory", 8, number("expected", ".3f")),
        Column("forgets", 15, measured("forgets", 3), "±"),
    ]
    return Table("Real stationary states: no currents but those that rounding and noise make", columns, rows)


def _box(rows: list[Row]) -> Table:
    columns = [
        Column("sites", 8, lambda row: str(row["side"] or "none")),
        Column("modes", 7, number("modes", "d")),
        Column("1/e", 20, measured("time", 3), "±"),
        Column("of", 7, lambda row: f"{row['relaxed']}/{row['draws']}"),
        Column("end", 6, number("end", ".1f")),
        Column("left", 20, measured("rest", 3), "±"),
        Column("check", 20, measured("check"), "±"),
    ]
    return Table("A box out of equilibrium", columns, parted(rows, "side"))
