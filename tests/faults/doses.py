"""python -m tests.faults.doses LOG...: adds up what long doses have printed: rows of the table in docs/checkpoints.md.

The last column is the limit below which the chance of a failure lies, at 95% (Clopper and Pearson): 3/n for 0 of n.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path

from scipy.stats import beta

COUNTS = re.compile(r"([^{}]*)(\{[^{}]*\})(?=([^{}]*))")
WAY = re.compile(r"faults (\d+) Way\(mpi='(\w+)', writer='(\w+)'\)")
CASES = {
    "fuzz": re.compile(r"exit \d|hangs|crashes"),
    "kills": re.compile(r"early|late"),
    "faults": re.compile(r"(?!failures|did not occur)"),
}
"""What counts as a case where not everything does; a fault that did not occur is none."""
BAD = re.compile(r"failures|crash|hang|exception|nothing|unnoticed")
Doses = dict[str, Counter[str]]


def found(text: str) -> Doses:
    """dose -> what came of it, and how often, as campaigns, tests and pytest's streams print it."""
    doses: Doses = {}
    for line in text.splitlines():
        if not re.match(r"(faults|damaged?:|kills:|starts|\{')", line):
            continue
        for label, counts, behind in COUNTS.findall(line):
            name = WAY.sub(r"faults, \1 ranks, \2-\3", re.sub(r"^, \d+ failures", "", label).strip(" ,:")) or "fuzz"
            number = Counter(ast.literal_eval(counts))
            told = re.match(r", (\d+) failures", behind)
            if told:
                number["failures"] += int(told[1])
            doses.setdefault(name, Counter()).update(number)
    return doses


def row(name: str, count: Counter[str]) -> str:
    """A line of the table: how many cases there were, what came of them, and the limit."""
    some = CASES.get(name.split()[0].rstrip(","))
    failures = sum(n for what, n in count.items() if BAD.match(what) and (name != "fuzz" or what == "failures"))
    cases = sum(n for what, n in count.items() if some is None or some.match(what))
    if name.startswith("faults"):
        cases += failures
    limit = beta.ppf(0.95, failures + 1, cases - failures) if cases > failures else 1.0
    if name == "fuzz":
        count = Counter({what: n for what, n in count.items() if CASES["fuzz"].match(what) or what == "spared"})
    came = ", ".join(f"{what} {n:,}" for what, n in sorted(count.items()))
    return f"| {name} | {cases:,} | {came} | {failures} | {limit:.2g} |"


if __name__ == "__main__":
    whole: Doses = {}
    for path in sys.argv[1:]:
        for name, count in found(Path(path).read_text(errors="replace")).items():
            whole.setdefault(name, Counter()).update(count)
    print("| dose | cases | what came of them | failures | chance below |\n|---|---|---|---|---|")
    for name in sorted(whole):
        print(row(name, whole[name]))
