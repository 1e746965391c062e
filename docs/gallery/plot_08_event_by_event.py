"""
Event by event
==============

In a small ensemble every copy counts. ``method="exact"`` makes copies one by one, each at its own time; it has no step
and is the judge of all faster methods. What happens to a beable that comes down to its last members?
"""

import matplotlib.pyplot as plt
import numpy as np

import copympi
from copympi.theory import passes

# %%
# A qubit whose wavefunction comes near a zero of Psi_0 at t = 1.3. Of 2,000 ensembles, how many lose beable 0 there?
# ``passes`` has the chance by theory, from H and the state alone.

qubit = copympi.System([[0.3, 0.5], [0.5, -0.3]])
psi = np.sqrt([0.5, 0.5]) * np.exp([0, -1.5j])
exact = {"state": psi, "duration": 2.5, "method": "exact", "seed": 1}
one = copympi.simulate(qubit, members=100, interval=0.0025, **exact)
sizes = np.array([10, 20, 30, 40, 50, 60])
many = [copympi.simulate(qubit, members=N, replicas=2000, **exact) for N in sizes]
lost = np.array([(run.occupation[:, -1, 0] == 0).mean() for run in many])

# %%
# Left, one ensemble of a hundred members: each step is one copy. Right, the chance that the beable dies, with its
# standard error.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.step(one.time, one.occupation[:, 0], where="post")
left.set(xlabel="time", ylabel="members with beable 0, of 100")
right.errorbar(sizes, lost, np.sqrt(lost * (1 - lost) / 2000), fmt="o")
right.plot(sizes, passes.find(qubit, psi, 0, 2.5).death(sizes), "k:", label="theory")
right.set(xlabel="N", ylabel="chance that beable 0 dies", yscale="log")
right.legend()

# %%
# The chance falls exponentially with N: what counts is how many members the beable would have at its least, 0.088 N
# here. Theory (`Nodes <../nodes.html>`_) holds where that is far less than the members of all others, and fits no
# number. The method: `How copies are made one by one <../exact.html>`_.
