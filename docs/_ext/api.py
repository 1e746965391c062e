"""The reference of Python: what stands in copympi.__all__, and what these give."""

from __future__ import annotations

import inspect

import copympi

MORE = {
    "copympi.outcome.histories.Histories": "what `run.histories` is",
    "copympi.model.circuits.Circuit": "what circuit gives",
}
"""Classes whose objects users hold, though they make none themselves."""
GIVEN = ("Run", "Histories", "Circuit")
"""Classes of which users never call the constructor: no signature."""
GROUPS = {
    "Systems": ("System", "lattice", "composite", "circuit"),
    "Runs": ("simulate", "load", "Run"),
    "Sweeps": ("sweep", "Sweep"),
    "Copy rules": ("Rule", "Harmonic", "RuleFunction"),
    "Citing": ("cite",),
}
"""What belongs together; a name in none of them is an error or a warning."""


def errors() -> list[str]:
    """Names of exceptions that are no warnings."""
    return [name for name in copympi.__all__ if _is(name, Exception) and not _is(name, Warning)]


def warnings() -> list[str]:
    """Names of warnings, the one that stands for all first."""
    return sorted((name for name in copympi.__all__ if _is(name, Warning)), key=lambda name: name != "CopyWarning")


def _is(name: str, kind: type) -> bool:
    made = getattr(copympi, name)
    return inspect.isclass(made) and issubclass(made, kind)


def directive(name: str, place: str = "copympi") -> str:
    """What autodoc makes the entry of a name of."""
    made = getattr(copympi, name, None)
    if made is not None and not inspect.isclass(made):
        return f".. autofunction:: {place}.{name}\n"
    members = "" if made is not None and issubclass(made, Exception) else "   :members:\n"
    return f".. autoclass:: {place}.{name}{'()' if name in GIVEN else ''}\n{members}"


def page() -> str:
    """The reference of Python, Markdown with directives of autodoc."""
    groups = GROUPS | {"Errors": tuple(errors()), "Warnings": tuple(warnings())}
    lines = [
        "# Every function and class",
        "Everything that `import copympi` gives. `copympi.__version__` is a text. [Python](../python.md) has examples.",
    ]
    for group, names in groups.items():
        more = MORE if group == "Runs" else {}
        made = [directive(name) for name in names]
        made += [directive(*reversed(path.rsplit(".", 1))) for path in more]
        lines += [f"## {group}", "```{eval-rst}\n" + "\n".join(made) + "```"]
    return "\n\n".join(lines) + "\n"
