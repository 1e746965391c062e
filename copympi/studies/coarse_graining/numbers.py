"""What the study of coarse graining measures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.special import ellipk

from copympi.report.tables import Row
from copympi.studies.coarse_graining.model import Model, box_sums, middled, packet
from copympi.theory.noise import scatter
from copympi.theory.schrodinger import density

Array = NDArray[np.float64]
WIDEST = 8
"""Sites of the boxes in which the models of a wave are compared."""


@dataclass(frozen=True)
class Outcome:
    """A case and what came out: time (T,), n (R, T, P) members."""

    case: Any
    model: Model
    time: Array
    n: NDArray[Any]

    @cached_property
    def rho(self) -> Array:
        """Shares of those who are no spectators, (R, T, P)."""
        n = np.asarray(self.n, float) - self.case.spectators
        return np.asarray(n / n.sum(axis=2, keepdims=True))

    @property
    def position(self) -> Array:
        """<x> (R, T)."""
        return np.asarray(self.rho @ self.model.x)

    @property
    def dead(self) -> Array:
        """Share of empty beables, (R, T)."""
        return np.asarray((self.n == 0).mean(axis=2))

    def quantum(self) -> Array:
        """rho (T, P) of Schroedinger's equation with this model's H."""
        return density(self.model.system, self.model.psi, self.time)


def distance(p: Array, q: Array) -> Array:
    """Total variation distance of densities along the last axis: the share of the members that is elsewhere."""
    return np.asarray(0.5 * np.abs(p - q).sum(axis=-1))


def velocity(model: Model) -> float:
    """d<x>/dt at the start: (1/abar) sum over bonds of sqrt(rho rho') sin(phi - phi'). Without a force it stays so."""
    root = np.sqrt(model.rho)
    return float(np.sum(root[1:] * root[:-1] * np.sin(model.phi[:-1] - model.phi[1:])) / model.abar)


def stretched(kappa: float, blur: float = 0.0) -> float:
    """Period in a harmonic well over Newton's, of boxes whose kinetic energy is (1 - cos pA)/A^2: a pendulum's.

    kappa : the largest pA Newton would give; from 2 on the pendulum goes round and <x> never crosses the middle.
    blur : A/(4 width), as the packet's own spread of p makes the boxes heavier by exp(2 blur^2).
    """
    return float(2 / np.pi * ellipk(kappa**2 / 4) * np.exp(blur**2)) if kappa < 2 else np.inf


def pendulum(kappa: float, time: Array) -> Array:
    """<x>/amplitude of boxes without width at `time`, in Newton's periods, from -1 and at rest."""
    turn = solve_ivp(
        lambda _, y: [2 * np.pi * y[1], -2 * np.pi * np.sin(y[0])], (0, time[-1]), [0.0, kappa], t_eval=time, rtol=1e-8
    )
    return np.asarray(-turn.y[1] / kappa)


def crossing(time: Array, position: Array) -> float:
    """When <x> first passes 0 from below; inf where it does not."""
    after = int(np.argmax(position > 0))
    if after == 0:
        return np.inf
    low, high = position[after - 1], position[after]
    return float(time[after - 1] - (time[after] - time[after - 1]) * low / (high - low))


def pm(values: Array) -> tuple[float, float]:
    """Mean over replicas and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


@dataclass(frozen=True)
class Answers:
    """The rows of all tables, and the outcomes they come from."""

    outcomes: list[Outcome]
    free: list[Row]
    well: list[Row]
    far: list[Row]
    phase: list[Row]
    wave: list[Row]
    life: list[Row]
    body: list[Row]

    @classmethod
    def of(cls, outcomes: list[Outcome]) -> Answers:
        def part(*names: str) -> list[Outcome]:
            return [o for o in outcomes if o.case.part in names]

        return cls(
            outcomes,
            list(free_rows(part("free"))),
            list(well_rows(part("well"))),
            list(far_rows(part("well"))),
            list(phase_rows()),
            list(wave_rows(part("wave"))),
            list(life_rows(part("life"))),
            list(body_rows(part("body", "fall"))),
        )

    def tables(self) -> dict[str, list[Row]]:
        return {name: rows for name, rows in vars(self).items() if name != "outcomes"}

    def get(self, part: str, **settings: Any) -> list[Outcome]:
        """The outcomes of a part whose case has these settings."""
        own = (o for o in self.outcomes if o.case.part == part)
        return [o for o in own if all(getattr(o.case, key) == value for key, value in settings.items())]


def _against_fine(outcomes: list[Outcome]) -> Iterator[tuple[Outcome, Outcome, Array, Array]]:
    """Every outcome in boxes with the fine one of the same start, and both densities over the boxes (T, P)."""
    fine = {o.case.start: o for o in outcomes if o.case.k == 1 and o.case.spectators}
    for o in outcomes:
        if o.case.k > 1:
            f = fine[o.case.start]
            yield o, f, o.rho[0], box_sums(f.rho[0], o.case.k)


def free_rows(outcomes: list[Outcome]) -> Iterator[Row]:
    for o, f, p, q in _against_fine(outcomes):
        gone, there = (float(r[-1] @ o.model.x - r[0] @ o.model.x) for r in (p, q))
        yield {
            "k": o.case.k,
            "theta": o.case.start,
            "kappa": o.case.k * o.case.start,
            "speed": gone / there,
            "lattice": velocity(o.model) / velocity(f.model),
            "distance": float(distance(p, q)[-1]),
        }


def well_rows(outcomes: list[Outcome]) -> Iterator[Row]:
    for o, f, p, q in _against_fine(outcomes):
        quarter = f.time[-1] / 5
        width = float(np.sqrt(quarter / np.pi))  # of a coherent packet: the period is 4 pi width^2
        kappa = o.case.k * o.case.start / (2 * width**2)
        off = distance(p, q)
        x, y = p @ o.model.x, q @ o.model.x
        yield {
            "k": o.case.k,
            "amplitude": o.case.start,
            "kappa": kappa,
            "period": crossing(o.time, x) / quarter,
            "pendulum": stretched(kappa, o.case.k / (4 * width)),
            "astray": float(np.abs(x - y).max() / o.case.start),
            **{f"distance {m}": float(off[20 * m]) for m in (1, 2, 4)},
        }


def far_rows(outcomes: list[Outcome]) -> Iterator[Row]:
    """Sites without spectators against Schroedinger's equation, at the same times as boxes."""
    for o in outcomes:
        if not o.case.spectators:
            off = distance(o.rho[0], o.quantum())
            yield {"amplitude": o.case.start, **{f"distance {m}": float(off[20 * m]) for m in (1, 2, 4)}}


def phase_rows(width: float = 16.0) -> Iterator[Row]:
    """Three phases for a box: speed at the start, and largest distance in half a period of a well."""
    x = middled(384)
    time = np.linspace(0, 2 * np.pi * width**2, 9)
    for k, theta in ((8, 1 / 32), (8, 1 / 16), (8, 1 / 8), (4, 1 / 8)):
        f = packet(x.size, 0.0, width, theta, x**2 / (8 * width**4))
        there = box_sums(density(f.system, f.psi, time), k)
        row: Row = {"k": k, "theta": theta, "kappa": k * theta}
        for phase in ("middle", "sum", "current"):
            possible = phase != "current" or k * np.sin(theta) <= 1
            model = f.boxes(k, phase) if possible else f.boxes(k)
            off = distance(density(model.system, model.psi, time), there)
            row[f"speed {phase}"] = velocity(model) / velocity(f) if possible else np.nan
            row[f"distance {phase}"] = float(off.max()) if possible else np.nan
        yield row


def wave_rows(outcomes: list[Outcome]) -> Iterator[Row]:
    fine = next(o for o in outcomes if o.case.k == 1)
    there = box_sums(fine.quantum()[-1], WIDEST)
    for o in outcomes:
        k = o.case.k
        own = box_sums(o.quantum()[-1], WIDEST // k)
        here = box_sums(o.rho[:, -1], WIDEST // k)
        mean, error = pm(distance(here, there))
        yield {
            "k": k,
            "members": o.case.members,
            "a beable": o.case.members / o.model.x.size,
            "distance": mean,
            "distance error": error,
            "noise": pm(distance(here, own))[0],
            "floor": float(distance(own, there)),
            "dead": pm(o.dead[:, -1])[0],
        }


def life_rows(outcomes: list[Outcome]) -> Iterator[Row]:
    for o in outcomes:
        n = o.case.members / o.model.x.size
        unit = n * o.model.abar**2
        died = np.where(o.dead.any(axis=1), o.time[np.argmax(o.dead > 0, axis=1)], np.nan) / unit
        some = died[np.isfinite(died)]
        first, error = pm(some) if some.size > 1 else (np.nan, np.nan)
        yield {
            "k": o.case.k,
            "a beable": n,
            "members": o.case.members,
            "first death": first,
            "first death error": error,
            "dead 1": pm(o.dead[:, int(np.argmin(np.abs(o.time - unit)))])[0],
            "dead 3": pm(o.dead[:, -1])[0],
        }


def newton(o: Outcome) -> Array:
    """Where the body's centre would be, (T,)."""
    x, V = o.model.x, o.model.V
    if o.case.part == "fall":
        return np.asarray(o.case.start - 0.5 * (V[1] - V[0]) * o.time**2)
    omega = np.sqrt(2 * V[0]) / abs(x[0])
    return np.asarray(-o.case.start * np.cos(omega * o.time))


def body_rows(outcomes: list[Outcome]) -> Iterator[Row]:
    """Rms over replicas and records after the start."""
    paths: dict[str, tuple[Array, Array]] = {}
    for o in outcomes:
        model, part = o.model, o.case.part
        if part not in paths:
            spread = [scatter(model.system, model.psi, t, model.x, 200) for t in o.time[1:]]
            paths[part] = o.quantum() @ model.x, np.array(spread)
        quantum, spread_at = paths[part]
        off = (o.position - quantum)[:, 1:]
        yield {
            "part": part,
            "members": o.case.members,
            "spectators": o.case.spectators,
            "off boxes": float(np.sqrt(np.mean(off**2))),
            "scatter": float(np.sqrt(np.mean(np.var(off, axis=0, ddof=1)))),
            "expected": float(np.sqrt(np.mean(spread_at) / (o.case.members - o.case.spectators * o.model.x.size))),
            "off newton": float(np.sqrt(np.mean((o.position - newton(o))[:, 1:] ** 2))),
            "dead": pm(o.dead[:, -1])[0],
        }
