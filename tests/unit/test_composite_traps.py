"""What is easily done wrong with composites and circuits: nobody left, nobody to copy, parts that are others."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import qutip

import copympi
from copympi import FrozenStartWarning
from copympi.errors import InputError
from copympi.report import analysis

THREE = {"A": 2, "B": 2, "C": 2}


@pytest.mark.parametrize("parts", [{"A": 2, "B": 2}, THREE], ids=["two qubits", "three"])
def test_a_replica_that_a_filter_empties_has_no_numbers(parts: dict[str, int]) -> None:
    """NaN of it in all that is said of pairs, and nothing but numbers of the other replicas."""
    system = copympi.composite(parts, [{"on": "A", "operator": "sx"}, {"on": ["A", "B"], "operator": "sz*sz"}])
    states = {name: [0.6, 0.8] for name in parts}
    ways: dict[str, Any] = {"parts": states, "members": 16, "duration": 1.2, "interval": 0.1, "replicas": 20, "seed": 1}
    with warnings.catch_warnings(action="error"):
        warnings.simplefilter("ignore", copympi.CopyWarning)
        run = copympi.simulate(system, schedule=[{"at": 1.0, "filter": {"A": [1], "B": [0]}}], **ways)
    empty = run.measured["members"] == 0
    assert 0 < empty[:, -1].sum() < 20
    for name in ("concurrence", "mutual_information"):
        assert np.isnan(run.measured[name][empty]).all()
        assert np.isfinite(run.measured[name][~empty]).all()
    assert np.isnan(run.measured["correlation"][empty]).all()


def test_a_circuit_in_which_nothing_can_move_says_so() -> None:
    """cx on |000> couples nobody to anybody, which is no reason to be silent about the gate that would."""
    made = copympi.circuit(3, [("h", 0), ("cx", (0, 1)), ("cx", (1, 2))])
    ways: dict[str, Any] = {"schedule": made.schedule, "duration": made.duration, "members": 10**6, "seed": 1}
    with pytest.warns(FrozenStartWarning, match="nothing can ever move: all members hold beable 000") as said:
        run = copympi.simulate(made.system, parts={}, **ways)
    assert len(said) == 1
    assert not run.events.any()
    comparison = analysis.compare(run.results())
    assert isinstance(comparison, analysis.Comparison)
    assert comparison.frozen
    still = copympi.circuit(3, [("cx", (0, 1)), ("cx", (1, 2))])  # |000> is what it should be
    copympi.simulate(still.system, parts={}, schedule=still.schedule, duration=2.0, members=10, seed=1)


TURNED = [{"on": "A", "operator": "sx"}, {"on": "B", "operator": "sx"}]


def start(terms: Any, states: Any, parts: Any = None, **ways: Any) -> copympi.Run:
    system = copympi.composite(parts or {"A": 2, "B": 2}, terms)
    return copympi.simulate(system, parts=states, members=1000, duration=0.1, seed=1, **ways)


def test_a_part_that_nobody_can_move_is_named() -> None:
    """It is left out, or has a beable's name, and H would move it; where H does not, that is fine."""
    for states in ({"A": [0.6, 0.8]}, {"A": [0.6, 0.8], "B": "0"}):
        with pytest.warns(FrozenStartWarning, match="part B is in '0' in all members: H would move it, but") as said:
            run = start(TURNED, states)
        assert len(said) == 1
        assert np.all(run.marginal("B")[:, 0] == 1000)
    with pytest.warns(FrozenStartWarning, match="part B is in '0'; part C is in '0' in all members"):
        start([TURNED[0], {"on": ["B", "C"], "operator": "sx*sx"}], {"A": [0.6, 0.8]}, THREE)
    later = {"A": [0.6, 0.8], "B": "1"}
    with pytest.warns(FrozenStartWarning, match="part B is in '1'"):
        start(TURNED[:1], later, schedule=[{"at": 0.05, "terms": TURNED}])
    H = [copympi.composite({"A": 2, "B": 2}, TURNED[k : k + 1]) for k in (0, 1)]
    with pytest.warns(FrozenStartWarning, match="part B is in '1'"):
        copympi.simulate([H[0], [H[1], np.sin]], parts=later, members=1000, duration=0.1, seed=1)
    start([TURNED[0], {"on": ["A", "B"], "operator": "sz*sz"}], {"A": [0.6, 0.8]})
    start(TURNED, {"A": [0.6, 0.8]}, spectators=1)


def test_dims_of_a_qobj_are_those_of_the_parts() -> None:
    """A matrix of the right size whose factors are in another order is refused, with both orders in the message."""
    op = qutip.tensor(qutip.sigmax(), qutip.num(3))
    parts = {"A": 2, "B": 3}
    said = r"Qobj of dims \[2, 3\].*: must have the dimensions of the parts, \[3, 2\], in their"
    with pytest.raises(InputError, match=r"system.terms\[0\].operator = .*" + said):
        copympi.composite(parts, [{"on": ["B", "A"], "operator": op}])
    with pytest.raises(InputError, match="system.hamiltonian = .*" + said):
        copympi.System(op, parts={"B": 3, "A": 2})
    with pytest.raises(InputError, match=r"gates\[0\] = .*" + said):
        copympi.circuit(parts, [(qutip.tensor(qutip.qeye(2), qutip.qeye(3)), ("B", "A"))])
    turned = copympi.composite({"B": 3, "A": 2}, [])
    with pytest.raises(InputError, match=said):
        copympi.simulate([turned, [op, np.sin]], state=np.full(6, 6**-0.5), members=10, duration=0.1)
    system = copympi.composite(parts, [{"on": ["A", "B"], "operator": op}])
    np.testing.assert_array_equal(system.hamiltonian.toarray(), copympi.System(op, parts=parts).hamiltonian.toarray())
    assert copympi.System(op, parts={"both": 6}).P == 6, "a part of two factors"


def test_a_marginal_of_nothing() -> None:
    run = start([TURNED[0]], {"A": [0.6, 0.8]})
    with pytest.raises(ValueError, match=r"marginal\(\) wants the name of a part, or of several: A, B"):
        run.marginal()
    plain = copympi.simulate([[0, 1], [1, 0]], density=[0.5, 0.5], members=10, duration=0.1, seed=1)
    with pytest.raises(ValueError, match="this system has no parts"):
        plain.marginal("A")
