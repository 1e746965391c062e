"""The reference of a config's keys, and its JSON Schema: from copympi/config and model/builders, with words.py."""

from __future__ import annotations

from typing import Any

from words import KEYS, POTENTIALS, PULSES, SECTIONS

from copympi.config.reading import Config
from copympi.model import potential, pulses
from copympi.model.builders import builders

WITHIN = {
    "system.drive": "`[[system.drive]]`",
    "system.drive.pulse": "`pulse = {...}`",
    "system.parts": "`parts = [{...}]`",
    "system.terms": "`terms = [{...}]`",
    "preparation.packet": "`packet = {...}`",
    "preparation.admixture": "`admixture = {...}`",
    "dynamics.rule": "`[dynamics.rule]`",
    "dynamics.rule.harmonics": "`harmonics = [{...}]`",
}
"""Keys that hold tables, and how these look in a config."""
TYPES = {"number": "a number", "integer": "a whole number", "boolean": "true or false", "string": "a text"}
BOUNDS = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "up to {}", "exclusiveMaximum": "below {}"}


def schema() -> dict[str, Any]:
    """The JSON Schema of a config, with a description of every key, for editors that check TOML files."""
    made = Config.model_json_schema()
    made["title"] = "A config of copympi"
    for section in SECTIONS:
        found = of_section(made, section)
        found["description"] = SECTIONS[section]
        for key, said in found["properties"].items():
            said["description"] = KEYS[f"{section}.{key}"]
    return made


def of_section(made: dict[str, Any], section: str) -> dict[str, Any]:
    """The part of a JSON Schema of a config that is about a section."""
    said = made["properties"][section]
    said = next((each for each in said.get("anyOf", []) if "$ref" in each), said.get("items", said))
    return made["$defs"][said["$ref"].rsplit("/", 1)[-1]]  # type: ignore[no-any-return]


def known() -> list[str]:
    """Every key that a section or a builder has, "section.key"."""
    made = Config.model_json_schema()
    keys = [f"{section}.{key}" for section in made["properties"] for key in of_section(made, section)["properties"]]
    return keys + [f"system.{key}" for builder in builders().values() for key in builder.KEYS]


def allowed(said: dict[str, Any], needed: bool) -> str:
    """What a key takes, in words: its type, bounds and default as the JSON Schema has them."""
    each = [one for one in said.get("anyOf", [said]) if one.get("type") != "null"]
    words = []
    for one in each:
        if "enum" in one:
            words.append(" or ".join(f'`"{value}"`' for value in one["enum"]))
        elif "type" in one:
            bounds = [text.format(number(one[bound])) for bound, text in BOUNDS.items() if bound in one]
            words.append(" ".join([TYPES.get(one["type"], "a list of texts"), *bounds]))
    default = said.get("default")
    if needed:
        words.append("must be given")
    elif default is not None and default != "":
        shown = str(default).lower() if isinstance(default, bool) else default
        words.append(f'default `"{shown}"`' if isinstance(default, str) else f"default `{shown}`")
    return "; ".join(words)


def number(value: float) -> str:
    """A bound, in the shortest form."""
    if value >= 2**31 and int(value) & (int(value) - 1) == 0:
        return f"2^{int(value).bit_length() - 1}"
    return f"{value:g}"


def entry(name: str, words: str, more: str = "") -> str:
    """A key, what it means and what it takes, as Markdown with definition lists has it."""
    return f"`{name}`\n: {plain(words)}" + (f"\n\n  *{more[0].upper() + more[1:]}.*" if more else "")


def plain(words: str) -> str:
    """Words of which Markdown, outside of code, must not take a star for the begin of emphasis."""
    return "`".join(part if k % 2 else part.replace("*", "\\*") for k, part in enumerate(words.split("`")))


def inner(key: str, depth: int = 4) -> list[str]:
    """The keys of the tables that a key holds, and of tables in these."""
    names = [name for name in KEYS if name.startswith(key + ".") and "." not in name[len(key) + 1 :]]
    lines = [f"{'#' * depth} {WITHIN[key]}", *(entry(name[len(key) + 1 :], KEYS[name]) for name in names)]
    if key == "system.drive.pulse":
        lines += shapes("shape", PULSES, {name: (law[1], law[2]) for name, law in pulses.SHAPES.items()})
    return lines + [line for name in names if name in WITHIN for line in inner(name, depth + 1)]


def shapes(key: str, words: dict[str, str], table: dict[str, tuple[list[str], list[str]]]) -> list[str]:
    """What goes with each value of `kind` or `shape`."""
    lines = []
    for name, (needed, optional) in table.items():
        keys = [*(f"`{each}`" for each in needed), *(f"`{each}` (may be left out)" for each in optional)]
        lines.append(f'`{key} = "{name}"`\n: {plain(words[name])}' + (f" With {', '.join(keys)}." if keys else ""))
    return lines


def page() -> str:
    """The reference of all keys, Markdown."""
    made = schema()
    lines = [
        "# Every key of a config",
        "What `CONFIG.toml` may hold; but for [system], [alignment] and [checkpoint] the same names are keywords of "
        "`copympi.simulate`. A key that nobody knows is refused, and the nearest known one is named. Units are yours: "
        "an energy is in the units of H, and a time in those of hbar/energy. "
        "This page is made from the code; [Configs and commands](../config.md) has examples. "
        "Editors that check TOML files against a schema can use {download}`config.schema.json`.",
    ]
    for section, words in SECTIONS.items():
        found = of_section(made, section)
        lines += [f"## `{'[[schedule]]' if section == 'schedule' else f'[{section}]'}`", words]
        for key, said in found["properties"].items():
            lines.append(entry(key, said["description"], allowed(said, key in found.get("required", ()))))
        if section == "system":
            for name, builder in builders().items():
                lines.append(f'### With `builder = "{name}"`')
                lines += [entry(key, KEYS[f"system.{key}"]) for key in builder.KEYS]
                if name == "lattice":
                    lines += ["#### `potential = {...}`"]
                    kinds = {kind: (law[1], law[2]) for kind, law in potential.KINDS.items()}
                    lines += shapes("kind", POTENTIALS, kinds)
                lines += [line for key in builder.KEYS if f"system.{key}" in WITHIN for line in inner(f"system.{key}")]
        for key in found["properties"]:
            if f"{section}.{key}" in WITHIN:
                lines += inner(f"{section}.{key}", 3)
    return "\n\n".join(lines) + "\n"
