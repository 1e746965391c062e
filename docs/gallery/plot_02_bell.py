"""
A Bell state, its marginals, and a local operation
==================================================

Two qubits A and B are in the state ``(|00> + |11>)/sqrt(2)``. Then a field acts on A alone; the qubits do not interact.
Quantum mechanics says: the shares of 0 and 1 of either qubit stay at one half, while their correlation falls as the
cosine of the angle by which A has been turned.

The beables of the pair are 00, 01, 10 and 11; each member has one of them. In a Bell state nobody has 01 or 10, so
nobody can be copied there: the ensemble is **frozen**, and ``simulate`` warns of it.
"""

import matplotlib.pyplot as plt
import numpy as np

import copympi

# %%
# A field along x acts on A. The first run is frozen. In the second one member in each beable is a **spectator**: it is
# copied, but never copies. That is enough to begin with.

pair = copympi.composite({"A": 2, "B": 2}, [{"on": "A", "operator": "sx", "strength": 0.5}])
bell = {"state": [1, 0, 0, 1], "normalise": True, "members": 10**6, "duration": 3.0, "seed": 1}
frozen = copympi.simulate(pair, **bell)
run = copympi.simulate(pair, spectators=1, **bell)

# %%
# Marginals and correlations are recorded of every composite.

plt.plot(run.time, run.marginal("A")[:, 0] / run.members, label="share of A in 0")
plt.plot(run.time, run.marginal("B")[:, 0] / run.members, "--", label="share of B in 0")
plt.plot(run.time, run.measured["correlation"], label="correlation of A and B")
plt.plot(frozen.time, frozen.measured["correlation"], "C2-.", label="correlation, frozen")
plt.plot(run.time, np.cos(run.time), "k:", label="quantum mechanics: cos(angle)")
plt.xlabel("angle by which A has been turned (rad)")
plt.legend()

# %%
# What A's operation does to B's share is nothing, in quantum mechanics and here alike: a member copies both qubits at
# once, but only from members with the same B, because H couples no others. With few copies there is a difference of
# order 1/N: `Who signals in N copies <../signalling.html>`_.
#
# One caution. With ``sy`` in place of ``sx`` a spectator in 01 would have the phase opposite to that of those who
# should copy it, and nobody would. A remedy for empty beables needs a phase that turns: "The three remedies" in
# `Nodes <../nodes.html>`_.
