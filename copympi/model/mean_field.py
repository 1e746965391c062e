"""The infinite ensemble under any copy rule, aligned phases: (18), (19) for rho_a and phi_a of each beable.

    drho_a/dt = sum_b f_ab - f_ba,    f_ab = rho_b (rho_a/rho_b)^q sum_k R'^k sin+(k D + delta^k),    D = phi_a - phi_b
    dphi_a/dt = omega_a + sum_b (rho_a/rho_b)^r sum_k R^k cos(k D + delta'^k)

in amplitudes c_a = sqrt(rho_a) exp(-i phi_a), which pass a node of the quantum rule smoothly, and need no sine: with
u = exp(i phi), exp(i k D) is a power of u_a conj(u_b). A beable with c_a = 0 stays empty, and moves nobody.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.rules import LINEAR, MOEBIUS, QUANTUM, Entries, Rule, entries
from copympi.model.system import System

DENSE_TO = 1 << 14
"""Pairs times beables up to which sums over pairs are dense products."""
FAINTEST = 1e-6
"""Sizes of amplitudes, shares of 1e-12, that count as none where a beable can become empty."""

EVEN = 1e-12
"""How far R'^k/R^k of pairs may differ, and count as one number."""

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


class Pairs(NamedTuple):
    """What every coupled pair a < b does, (..., pairs) each: ra, rb the sizes |c_a|, |c_b|; into, back the flows b -> a
    and a -> b; turn sum_k R^k cos(k D + delta'^k); both the powers (rho_a/rho_b)^r turn and (rho_b/rho_a)^r turn."""

    ra: Floats
    rb: Floats
    into: Floats
    back: Floats
    turn: Floats
    first: Floats
    second: Floats


def drawn(found: Entries, rule: Rule) -> bool:
    """Whether a rule of one harmonic, q <= 1/2, turns phases of almost empty beables so that members come to them."""
    copying, turning = found.copying, found.turning
    same = np.array_equal(found.copying_angle, found.turning_angle)
    if not same or np.any(turning < 0.0) or np.any((copying > 0.0) != (turning > 0.0)):
        return False
    some = copying > 0.0
    alone = rule.q < 0.5 or np.bincount(found.rows[some[0]], minlength=1).max() <= 1
    ratio = copying[some] / turning[some]
    return bool(alone or (rule.r == -0.5 and np.all(np.abs(ratio / ratio[0] - 1.0) < EVEN)))


class MeanField:
    """Its equations for a System of P beables and a Rule whose powers sum to -1 (no excess).

    shift : 1/time; taken off all omega_a, as phases of c turn with omega_a - shift.
    Raises InputError for a rule with excess: it has no infinite ensemble.
    """

    def __init__(self, system: System, rule: Rule = QUANTUM, shift: float = 0.0) -> None:
        if rule.excess != (0.0, 0.0):
            why = "must sum to -1 for an infinite ensemble: else rates grow or fall with N without bound"
            raise InputError("dynamics.rule.copying_powers", rule.excess, why)
        found = entries(rule, system)
        upper = found.rows < found.columns
        self.P, self.rule, self.k = system.P, rule, found.k
        self.a, self.b = found.rows[upper], found.columns[upper]
        self.omega = system.frequencies.diagonal().real - shift
        self.copying = found.copying[:, upper] * np.exp(1j * found.copying_angle[:, upper])
        self.turning = found.turning[:, upper] * np.exp(1j * found.turning_angle[:, upper])
        self._drawn = drawn(found, rule)
        pairs, each = self.a.size, np.arange(self.a.size)
        ones = np.ones(pairs)
        at_a = sp.csr_array((ones, (each, self.a)), shape=(pairs, self.P))
        at_b = sp.csr_array((ones, (each, self.b)), shape=(pairs, self.P))
        small = pairs * self.P <= DENSE_TO
        self._at: Any = (at_a.toarray(), at_b.toarray()) if small else (at_a, at_b)

    def _sum(self, at_a: Floats, at_b: Floats) -> Floats:
        """What pairs give their a and their b, summed for each beable: (..., pairs) -> (..., P)."""
        flat = [values.reshape(-1, self.a.size) @ at for values, at in zip((at_a, at_b), self._at, strict=True)]
        return np.asarray(flat[0] + flat[1]).reshape(*at_a.shape[:-1], self.P)

    def pairs(self, size: Floats, u: NDArray[Any]) -> Pairs:
        """What pairs do in a state of |c| = `size` and e^{i phi} = `u`, (..., P) each."""
        q, r = self.rule.q, self.rule.r
        ra, rb = size[..., self.a], size[..., self.b]
        z = u[..., self.a] * np.conj(u[..., self.b])
        plus = minus = turn = np.zeros(z.shape)
        for k, copying, turning in zip(self.k, self.copying, self.turning, strict=True):
            power = z if k == 1 else z**k
            sine = (copying * power).imag
            plus = plus + np.maximum(sine, 0.0)
            minus = minus + np.maximum(-sine, 0.0)
            turn = turn + (turning * power).real
        alive = (ra > 0.0) & (rb > 0.0)
        if not alive.all():
            plus, minus, turn = (np.where(alive, values, 0.0) for values in (plus, minus, turn))
            ra, rb = np.where(alive, ra, 1.0), np.where(alive, rb, 1.0)
        into = back = ra * rb
        if q != 0.5:
            ratio = (ra / rb) ** (2.0 * q - 1.0)
            into, back = into * ratio, back / ratio
        tilt = rb / ra if r == -0.5 else (ra / rb) ** (2.0 * r)
        return Pairs(ra, rb, into * plus, back * minus, turn, tilt * turn, turn / tilt)

    def moved(self, c: Complex) -> tuple[Complex, Floats]:
        """dc/dt of amplitudes c (..., P), and copies in unit time as a share of all members, (...,)."""
        size = np.abs(c)
        u = np.conj(c) / np.where(size > 0.0, size, 1.0)
        pairs = self.pairs(size, u)
        net = pairs.into - pairs.back
        grow = 0.5 * self._sum(net / pairs.ra, -net / pairs.rb)  # d|c|/dt
        turn = self.omega + self._sum(pairs.first, pairs.second)
        return grow * np.conj(u) - 1j * turn * c, (pairs.into + pairs.back).sum(axis=-1)

    @property
    def mortal(self) -> bool:
        """Whether a beable can become empty in finite time, which then is for good: for q > 0, unless

        - amplitudes move linearly, or
        - its one harmonic k > 0 turns phases so that members come: equal shifts, R^k > 0 where R'^k > 0, else both 0;
          q + r <= 0, so that phases turn in time; and q < 1/2, so that near a node inflow outweighs what flows out,
          or q = 1/2, where all that drives a beable copies and turns along one direction.

        Near a node with s = |c_a| and the angle x of c_a to its one drive, ds/dt = -s^(1-2q) cos x on the way in, and
        dx/dt = s^(2r) sin x: s^(2q+2r-1) ds = -cot x dx reaches s = 0 at an x before the turn where q + r > 0, else
        never. Where x comes to rest with members leaving, or does not move, s = 0 is reached for every q > 0.
        """
        q, r = self.rule.q, self.rule.r
        if q <= 0.0 or self.rule.within(LINEAR) or not self.copying.any():
            return False
        return not (self.rule.within(MOEBIUS) and q <= 0.5 and q + r <= 0.0 and self._drawn)

    def bury(self, c: Complex, before: Complex, most: float) -> tuple[bool, bool]:
        """Empty beables of c (..., P), in place, that came to nothing on the way from `before`.

        most : the largest share of the members that may be lost so; with more the step went over a node, and c is left
        as it is. Returns whether any are empty now, and whether the step is to be made again, shorter.
        """
        if not self.mortal:
            return False, False
        way = c - before
        length = np.abs(way) ** 2
        part = np.clip(-(before.conj() * way).real / np.where(length > 0.0, length, 1.0), 0.0, 1.0)
        gone = (np.abs(before + part * way) < FAINTEST) & (c != 0.0)
        if not gone.any():
            return False, False
        if np.abs(c[gone]).max() ** 2 > max(most, FAINTEST**2):
            return False, True
        c[gone] = 0.0
        return True, False

    def rates(self, rho: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """drho/dt and dphi/dt, (..., P) each."""
        pairs = self.pairs(np.sqrt(rho), np.exp(1j * phi))
        net = pairs.into - pairs.back
        return self._sum(net, -net), self.omega + self._sum(pairs.first, pairs.second)

    def energy(self, rho: Floats, phi: Floats) -> Floats:
        """sum_a rho_a omega_a + 2 sum_{a<b} sqrt(rho_a rho_b) sum_k R^k cos(k D + delta'^k), (...,): <H>/hbar if k = 1.

        The action (55) has it as its Hamiltonian, with rho and phi conjugate, where q = 1/2, r = -1/2, R'^k = 2 k R^k
        and delta' = delta for every k; then it is conserved.
        """
        pairs = self.pairs(np.sqrt(rho), np.exp(1j * phi))
        return np.asarray((rho * self.omega).sum(axis=-1) + 2.0 * (pairs.ra * pairs.rb * pairs.turn).sum(axis=-1))

    def jacobian(self, rho: Floats, phi: Floats) -> Floats:
        """d(drho/dt, dphi/dt)/d(rho, phi), (2P, 2P), of one state (P,) without empty beables."""
        q, r, P = self.rule.q, self.rule.r, self.P
        pairs = self.pairs(np.sqrt(rho), np.exp(1j * phi))
        ra, rb = rho[self.a], rho[self.b]
        D = phi[self.a] - phi[self.b]
        power = np.exp(1j * np.outer(self.k, D))
        sine, slope = (self.copying * power).imag, self.k[:, None] * (self.copying * power).real
        into, back = (ra * rb) ** 0.5 * (ra / rb) ** (q - 0.5), (ra * rb) ** 0.5 * (rb / ra) ** (q - 0.5)
        net_a = (q * pairs.into - (1 - q) * pairs.back) / ra
        net_b = ((1 - q) * pairs.into - q * pairs.back) / rb
        net_D = (into * np.where(sine > 0, slope, 0.0) + back * np.where(sine < 0, slope, 0.0)).sum(axis=0)
        bend = -(self.k[:, None] * (self.turning * power).imag).sum(axis=0)
        J = np.zeros((2 * P, 2 * P))
        for side, (first, second), sign in ((self.a, (self.a, self.b), 1.0), (self.b, (self.a, self.b), -1.0)):
            np.add.at(J, (side, first), sign * net_a)
            np.add.at(J, (side, second), sign * net_b)
            np.add.at(J, (side, P + first), sign * net_D)
            np.add.at(J, (side, P + second), -sign * net_D)
        for side, turned, tilt, sign in (
            (self.a, pairs.first, (ra / rb) ** r, 1.0),
            (self.b, pairs.second, (rb / ra) ** r, -1.0),
        ):
            np.add.at(J, (P + side, self.a), sign * r * turned / ra)
            np.add.at(J, (P + side, self.b), -sign * r * turned / rb)
            np.add.at(J, (P + side, P + self.a), tilt * bend)
            np.add.at(J, (P + side, P + self.b), -tilt * bend)
        return J
