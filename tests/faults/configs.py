"""Random configs over the whole schema: valid ones with extreme values, and such with something wrong in them.

A case is a function of (seed, number) alone.
"""

from __future__ import annotations

import copy
import math
import random
from typing import Any

Table = dict[str, Any]
ODD: list[Any] = [
    0, 1, -1, 2, 3, 7, 64, 1000, -5, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, 10**80, 10**400,
    0.0, -0.0, 0.5, -0.5, 1.0, 1.5, 1e-3, 1e-12, 1e-300, 5e-324, 1e12, 1e18, 1e80, 1e81, 1e300,
    1.7e308, -1e300, math.inf, -math.inf, math.nan, True, False, "", " ", "1", "nan", "1e400", "0.3-0.5j", "inf",
    "{x.__class__}", "%s", "ψ", "\u202e", "\x1b[31m", "a\nb", "\\", '"', "x" * 300, "nosuch.npy", "H.h5:/x",
    "/dev/null",
    "members", "occupation", "lattice", "eigen", "ground", "uniform", "ring", "open", "free", "harmonic",
    "mean", "polar",
    "10min", "1e-9s", "1d", "-1s", [], [[]], [0], [1.0], [1, 2], [0.5, 0.5], [[0, 1], [1, 0]], [["a"]], [[1, 2], [3]],
    [1, "1j"], [math.nan], [[math.inf, 0], [0, 1]], {}, {"kind": "harmonic"}, {"centre": 0, "width": 1},
    {"eigenstate": 0}, {"eigenstate": -1}, {"state": "ground"}, [{"centre": 0, "width": 1}, {"eigenstate": 1}], [{}],
]  # fmt: skip
"""What stands in the place of a right value."""
SECTIONS = {
    "system": ["hamiltonian", "hbar", "labels", "builder", "sites", "spacing", "mass", "boundary", "potential"],
    "preparation": [
        "members", "state", "density", "phase", "phase_spread", "phases", "phase_kinds", "spectators", "packet",
        "admixture", "basis",
    ],
    "dynamics": [
        "duration", "step", "tolerance", "leaving_chance", "method", "representation", "replicas", "seed", "rule",
    ],
    "alignment": ["strength", "scaling", "damping", "potential", "momenta", "on_copy"],
    "output": ["interval", "time_unit", "profile_interval", "summaries"],
    "checkpoint": ["interval", "keep"],
    "schedule": ["at"],
}  # fmt: skip
UNITS = ["", "ps", "ħ/E", "{t}", "%", "$x$", "\\frac", "x" * 200]


def case(seed: int, number: int) -> Table:
    """The config of a case, section by section."""
    dice = random.Random(f"{seed}/{number}")
    config = valid(dice)
    while dice.random() < 0.4:
        spoil(dice, config)
    return config


def size(dice: random.Random, usual: float = 2.0, extreme: float = 300.0) -> float:
    """A positive number: of order 1 as a rule, of any order now and then."""
    most = extreme if dice.random() < 0.05 else usual
    return float(f"{10 ** dice.uniform(-most, most):.6g}")


def valid(dice: random.Random) -> Table:
    """A config that breaks no rule that stands in the docs, though its numbers may be too much for a step."""
    lattice = dice.random() < 0.35
    system, P, rate = _lattice(dice) if lattice else _matrix(dice)
    counts = dice.random() < 0.5
    aligned = dice.random() < 0.6
    members = dice.choice([1, 2, 7, 50, 1000, 3000])
    if counts and dice.random() < 0.7:
        members = dice.choice([10**6, 10**15, 2**53 + 1, 2**63 - 1, 2.0**63, 1e25, 1e30, 1e80])
    preparation: Table = {"members": members, **_state(dice, P, system, lattice)}
    if not aligned:
        preparation["phase_spread"] = dice.choice([1e-9, 0.1, 1.0, 3.0, 3.1416])
        preparation["phase_kinds"] = dice.choice([1, 2, 5, 16])
    if dice.random() < 0.2:
        preparation["spectators"] = dice.choice([0, 1, 3])
    if dice.random() < 0.1:
        preparation["admixture"] = {"state": dice.choice(["ground", "uniform"]), "weight": dice.choice([1e-6, 0.3])}
    if dice.random() < 0.1:
        preparation["basis"] = "eigen"
    interval = float(f"{size(dice, 0.7) * 0.05 / rate:.3g}")
    records = dice.choice([1, 1, 2, 3, 10])
    dynamics: Table = {
        "duration": records * interval,
        "representation": "occupation" if counts else "members",
        "seed": dice.randrange(2**64),
    }
    if dice.random() < 0.3:
        dynamics["step"] = interval / dice.choice([1, 2, 10, 37])
    for key, choices in (
        ("tolerance", [1e-12, 1e-8, 1e-2, 0.9]),
        ("leaving_chance", [1e-12, 1e-3, 0.3, 1.0]),
        ("replicas", [1, 2, 5]),
    ):
        if dice.random() < 0.25:
            dynamics[key] = dice.choice(choices)
    config: Table = {"system": system, "preparation": preparation, "dynamics": dynamics}
    config["output"] = {"interval": interval}
    if dice.random() < 0.2:
        config["output"]["time_unit"] = dice.choice(UNITS)
    if dice.random() < 0.15:
        config["output"]["profile_interval"] = records * interval
    if dice.random() < 0.1:
        config["output"]["summaries"] = dice.choice([True, False])
    if not counts and dice.random() < 0.25:
        config["alignment"] = _alignment(dice)
    if dice.random() < 0.3:
        dynamics["method"] = dice.choice(["exact", "exact", "leap"])
        if dynamics["method"] == "exact" and dice.random() < 0.8:
            dynamics.pop("step", None)
    if dice.random() < 0.2:
        config["checkpoint"] = {"interval": dice.choice(["1h", "0.001s", interval]), "keep": dice.choice([1, 2, 5])}
    return config


def _matrix(dice: random.Random) -> tuple[Table, int, float]:
    """A Hermitian matrix, its size, and how fast it turns."""
    P = dice.choice([1, 2, 2, 2, 3, 4, 6, 70])
    unit, hbar = size(dice), size(dice, 0.3)
    H: list[list[Any]] = [[0.0] * P for _ in range(P)]
    most = 1e-300
    for a in range(P):
        H[a][a] = round(dice.uniform(-1, 1), 3) * unit
        for b in range(a):
            if dice.random() < (0.8 if P < 10 else 0.05):
                x, y = round(dice.gauss(0, 1), 3) * unit, round(dice.gauss(0, 1), 3) * unit
                plain = dice.random() < 0.4
                H[a][b], H[b][a] = (x, x) if plain else (f"{x!r}{y:+}j", f"{x!r}{-y:+}j")
                most = max(most, abs(x) + (0 if plain else abs(y)))
    system: Table = {"hamiltonian": H, "hbar": hbar}
    if dice.random() < 0.2:
        system["labels"] = [dice.choice(["a", "$b$", "|ψ>", "_", ""]) for _ in range(P)]
    return system, P, min(max((most + unit) / hbar, 1e-290), 1e290)


def _lattice(dice: random.Random) -> tuple[Table, int, float]:
    """A particle on a lattice: the section, how many sites, and how fast phases turn."""
    shape = dice.choice([[3], [8], [17], [64], [130], [4, 5], [9, 12]])
    spacing, mass, hbar = size(dice, 0.5), size(dice, 0.5), size(dice, 0.3)
    order = 2 * math.log10(hbar) - math.log10(mass) - 2 * math.log10(spacing)
    energy = 10 ** min(max(order, -290.0), 290.0)
    potential: Any = dice.choice([
        "free",
        {"kind": "harmonic", "omega": size(dice, 0.5) * 0.1, "centre": 0.0},
        {"kind": "barrier", "height": energy * dice.uniform(-3, 3), "width": spacing, "centre": spacing},
        {"kind": "double-well", "height": energy, "separation": 3 * spacing, "centre": 0.0},
        {"kind": "cosine", "depth": energy, "period": 4 * spacing},
        [energy * dice.uniform(-1, 1) for _ in range(math.prod(shape))],
    ])  # fmt: skip
    system: Table = {"builder": "lattice", "sites": shape if len(shape) > 1 else shape[0], "spacing": spacing}
    system |= {"mass": mass, "hbar": hbar, "boundary": dice.choice(["ring", "open"]), "potential": potential}
    return system, math.prod(shape), min(max(4 * energy / hbar, 1e-290), 1e290)


def _state(dice: random.Random, P: int, system: Table, lattice: bool) -> Table:
    """Amplitudes, densities with phases, a packet, or an eigenstate."""
    if lattice and dice.random() < 0.7:
        shape = system["sites"] if isinstance(system["sites"], list) else [system["sites"]]
        widest = min(shape) * system["spacing"] / 6
        packet: Table = {"centre": 0.0, "width": max(widest, 0.5 * system["spacing"])}
        if dice.random() < 0.5:
            packet["wave_number"] = dice.uniform(-3, 3) / system["spacing"]
        return {"packet": packet}
    if dice.random() < 0.15:
        return {"packet": {"eigenstate": 0}}
    weights = [0.0 if dice.random() < 0.1 else dice.random() for _ in range(P)]
    if dice.random() < 0.05:
        weights = [10 ** dice.uniform(-300, 0) for _ in range(P)]
    total = math.fsum(weights) or 1.0
    rho = [w / total for w in weights] if math.fsum(weights) else [1.0] + [0.0] * (P - 1)
    if dice.random() < 0.5:
        turns = [dice.uniform(-7, 7) for _ in range(P)]
        psi = [math.sqrt(p) * complex(math.cos(t), -math.sin(t)) for p, t in zip(rho, turns, strict=True)]
        return {"state": [f"{z.real!r}{z.imag:+}j" for z in psi]}
    return {"density": rho} | ({"phase": [dice.uniform(-7, 7) for _ in range(P)]} if dice.random() < 0.7 else {})


def _alignment(dice: random.Random) -> Table:
    return {
        "strength": dice.choice([0.0, 1e-3, 1.0, 1e3]),
        "scaling": dice.choice(["total", "mean"]),
        "damping": dice.choice([0.0, 0.1, 100.0]),
        "potential": dice.choice(["sin2", "polar"]),
        "momenta": dice.choice([0.0, 0.1, 10.0]),
        "on_copy": dice.choice(["inherit", "reset"]),
    }


def spoil(dice: random.Random, config: Table) -> None:
    """Change, add or take away something, right or wrong."""
    section = dice.choice(list(SECTIONS) if dice.random() < 0.3 else list(config))
    how, table = dice.random(), config.setdefault(section, {})
    if how < 0.03:
        del config[section]
    elif how < 0.06:
        config[section] = copy.deepcopy(dice.choice(ODD))
    elif not isinstance(table, dict):
        return
    elif how < 0.1:
        table[dice.choice(["sed", "Seed", "", "a b", "ψ", "x.y"])] = copy.deepcopy(dice.choice(ODD))
    elif how < 0.18 and table:
        del table[dice.choice(list(table))]
    else:
        key = dice.choice(SECTIONS.get(section, ["x"]))
        old = table.get(key)
        if isinstance(old, list) and old and dice.random() < 0.7:
            place = dice.randrange(len(old))
            if isinstance(old[place], list) and old[place] and dice.random() < 0.8:
                old[place][dice.randrange(len(old[place]))] = copy.deepcopy(dice.choice(ODD))
            else:
                old[place] = copy.deepcopy(dice.choice(ODD))
        elif isinstance(old, dict) and old and dice.random() < 0.7:
            old[dice.choice(list(old))] = copy.deepcopy(dice.choice(ODD))
        elif isinstance(old, float) and dice.random() < 0.3:
            table[key] = old * dice.choice([-1.0, 0.999, 1 + 1e-12, 1e3, 1e-3, 1e200, 1e-200])
        else:
            table[key] = copy.deepcopy(dice.choice(ODD))


def toml(config: Table) -> str:
    """The config as a file's text."""
    lines = [f"{_key(name)} = {_value(table)}" for name, table in config.items() if not isinstance(table, dict)]
    for name, table in config.items():
        if isinstance(table, dict):
            lines += [f"[{_key(name)}]", *(f"{_key(key)} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "x").isalnum() else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(value) if not math.isfinite(value) else repr(value)
    if isinstance(value, int):
        return f"{'-' if value < 0 else ''}{_digits(abs(value))}"
    if isinstance(value, str):
        plain = (f"\\u{ord(c):04x}" if c in '"\\' or not c.isprintable() else c for c in value)
        return '"' + "".join(plain) + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(map(_value, value)) + "]"


def _digits(n: int) -> str:
    return "1" + "0" * 400 if n == 10**400 else str(n)
