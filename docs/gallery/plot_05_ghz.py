"""
GHZ: frozen, and rescued
========================

Three qubits start in 000 and are to be brought into the GHZ state ``(|000> + |111>)/sqrt(2)`` by a Hadamard gate and
two controlled NOTs. For an ensemble of copies this is the hardest of all starts: every member has 000, and a member can
only copy what another one has.
"""

import matplotlib.pyplot as plt
import numpy as np

import copympi

# %%
# ``circuit`` makes a Hamiltonian of each gate; a gate takes one unit of time. The first run is frozen, and copympi says
# so. Three remedies follow: a **spectator** in each of the eight beables, who is copied and never copies; a small
# **admixture** of the state with equal amplitudes; and one with equal weights and unequal phases.

ghz = copympi.circuit(3, [("h", 0), ("cx", (0, 1)), ("cx", (1, 2))])
how = {"schedule": ghz.schedule, "duration": ghz.duration, "members": 10**6, "seed": 1, "parts": {}}
phases = np.exp(2j * np.arange(8)) / np.sqrt(8)
runs = {
    "frozen": copympi.simulate(ghz.system, **how),
    "spectators": copympi.simulate(ghz.system, spectators=1, **how),
    "equal": copympi.simulate(ghz.system, admixture={"state": "uniform", "weight": 0.01}, **how),
    "unequal": copympi.simulate(ghz.system, admixture={"state": phases, "weight": 0.01}, **how),
}

# %%
# The share of members with each beable at the end. Quantum mechanics has one half for 000 and 111.

for k, (name, run) in enumerate(runs.items()):
    plt.bar(np.arange(8) + 0.2 * k - 0.3, run.occupation[-1] / run.members, 0.2, label=name)
plt.xticks(range(8), ghz.system.labels)
plt.ylabel("share of members after the circuit")
plt.legend()

# %%
# Spectators bring the ensemble to within some members in a thousand of the GHZ state. The admixture of equal amplitudes
# does not: a Hadamard gate turns equal amplitudes of its qubit into 0 exactly, so after the first gate nobody has 101,
# 110 or 111, and the next gate finds nobody to copy. With phases that no gate cancels it works, up to the weight of the
# admixture. Which small state to add is thus a question of the circuit. More:
# `Composites and circuits <../composites.html>`_ and `Nodes <../nodes.html>`_.
