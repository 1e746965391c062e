"""
Another copy rule, and what is wrong with it
============================================

In the paper's class of copy rules, equations (18) and (19), a member in b copies one in a at a rate in proportion to
(n_a/n_b)^q, and phases turn in proportion to (n_a/n_b)^r. Quantum mechanics is q = 1/2, r = -1/2. Why not another q?
"""

import matplotlib.pyplot as plt

import copympi

# %%
# Two qubits in an entangled state do not interact. B has a field of its own; A's field is there or not. Whoever looks
# at B alone must not be able to tell. ``float("inf")`` members are the infinite ensemble: there is no noise, and what
# is seen is the rule.

field_a = {"on": "A", "operator": [[0.3, 0.7], [0.7, -0.3]]}
field_b = {"on": "B", "operator": [[0.2, 0.5], [0.5, -0.2]]}
on = copympi.composite({"A": 2, "B": 2}, [field_a, field_b])
off = copympi.composite({"A": 2, "B": 2}, [field_b])
start = {"density": [0.265, 0.375, 0.225, 0.135], "phase": [-0.58, 1.4, 1.83, 1.51], "duration": 3.0}
for q in (0.45, 0.5, 0.55):
    how = {"members": float("inf"), "rule": copympi.Rule(q=q)}
    with_field, without = (copympi.simulate(system, **start, **how) for system in (on, off))
    difference = with_field.marginal("B")[:, 0] - without.marginal("B")[:, 0]
    plt.plot(with_field.time, difference, label=f"q = {q}")
plt.xlabel("time")
plt.ylabel("what A's field changes in B's share of 0")
plt.legend()

# %%
# Only at q = 1/2 nothing changes: with any other power B would see at once, at any distance, what happens to A. The
# study `Which copy rule is quantum mechanics? <../rules.html>`_ goes through the whole class. A rule that is no
# power at all is given as two functions of Python, with ``copympi.RuleFunction``.
