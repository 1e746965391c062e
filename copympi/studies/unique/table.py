"""The tables of the study of unique states, at most 100 columns wide."""

from __future__ import annotations

from copympi.report.tables import Column, Row, Table, count, measured, number, short
from copympi.report.tables import text as as_text
from copympi.studies.unique.circuits import CYCLES
from copympi.studies.unique.numbers import LOST, Answers

COLUMNS = {
    "members": ("members", "N"),
    "qubits": ("1", "n"),
    "density": ("members", "N/2^n: members a string"),
    "fidelity": ("1", "of the ensemble's Psi at the end of the circuit, mean over circuits, and its standard error"),
    "entropy": ("1", "linear cross-entropy of outcomes, over that of quantum mechanics, and its standard error"),
    "gone": ("1", "share of strings that lose their last member, and its standard error"),
    "expected": ("1", "the same by the rate of passes near nodes in random states, large N/2^n"),
    "most": ("1", "the largest fidelity that N members can have"),
    "bits": ("1", "log2 N"),
    "fidelity half": ("1", "qubits from which on the fidelity is below one half, and its standard error"),
    "entropy half": ("1", "the same of the cross-entropy"),
    "limit": ("1", "qubits from which on more than LOST of the strings lose their last member, by theory"),
}
"""Column of a row -> (units, what it is)."""
FOOT = f"""\
Random circuits of {CYCLES} cycles, from an even superposition of all strings of n bits. fidelity: of
the ensemble's Psi with the circuit's; XEB: linear cross-entropy, 1 for quantum mechanics, 0 for
random strings; gone: strings that lose their last member, which nothing brings back; theory: by
the rate of passes near nodes (docs/unique.md); most: the best fidelity that N members can have.
± standard error over circuits."""
SEEN = f"""\
-: from the first point on, or not in range. By theory: the number of qubits from which on more than
{LOST:g} of the strings have lost their last member by the end, where the fidelity is about one half."""


def text(answers: Answers) -> str:
    """All tables."""
    a = answers.tables()
    return as_text(
        _rows("Random circuits of n qubits in N copies", a["copies"]),
        FOOT,
        _rows("With one spectator a string", a["spectators"]),
        _seen(a["seen"]),
        SEEN,
    )


def _rows(title: str, rows: list[Row]) -> Table:
    columns = [
        Column("N", 9, lambda row: count(row["members"])),
        Column("n", 4, number("qubits", "d")),
        Column("N/2^n", 10, lambda row: f"{row['density']:.4g}" if row["density"] > 1e-3 else short(row["density"])),
        Column("fidelity", 19, measured("fidelity", 4), "±"),
        Column("XEB", 17, measured("entropy", 3), "±"),
        Column("gone", 17, measured("gone", 3), "±"),
        Column("theory", 8, number("expected", ".3f")),
        Column("most", 8, number("most", ".4f")),
    ]
    shown: list[Row | None] = []
    for row in rows:
        if shown and shown[-1] is not None and shown[-1]["members"] != row["members"]:
            shown.append(None)
        shown.append(row)
    return Table(title, columns, shown)


def _seen(rows: list[Row]) -> Table:
    columns = [
        Column("N", 9, lambda row: count(row["members"])),
        Column("log2 N", 8, number("bits", ".1f")),
        Column("fidelity", 18, measured("fidelity half", 2), "±"),
        Column("XEB", 18, measured("entropy half", 2), "±"),
        Column("by theory", 10, number("limit", ".0f")),
    ]
    return Table("Qubits from which on one would see it: below one half", columns, rows)
