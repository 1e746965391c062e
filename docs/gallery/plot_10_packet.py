"""
A packet in a harmonic well
===========================

A coherent state swings in a harmonic well, on a ring of 128 sites. Its centre should move as Newton's particle does. A
billion copies are spread over the sites; each copies from neighbouring sites alone.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import copympi

# %%
# m = hbar = spacing = 1. The packet starts 16 sites left of the middle, with the width of the ground state. copympi
# warns that far from it there are sites without any member; here that is the point.

warnings.simplefilter("ignore", copympi.EmptyBeableWarning)
well = copympi.lattice(128, potential={"kind": "harmonic", "omega": 1 / 72})
start = {"packet": {"centre": -16, "width": 6}, "members": 10**9, "duration": 450.0, "interval": 4.5, "seed": 1}
alone = copympi.simulate(well, **start)
helped = copympi.simulate(well, spectators=1, **start)
helped.plot()

# %%
# With one pinned member at each site (a spectator) copies follow Schrödinger's equation and Newton. Without, the packet
# stops where the last members of its tail are: in front of it nobody is there to be copied. More: "Do large bodies
# obey Newton?" in `Studies <../studies.html>`_.

plt.plot(alone.time, alone.measured["position"], "C1", label="10^9 members alone")
plt.plot(helped.time, helped.measured["position"], "C0", label="with a spectator at each site")
plt.plot(helped.time, -16 * np.cos(helped.time / 72), "k:", label="Newton")
plt.xlabel("time")
plt.ylabel("mean position (sites)")
plt.legend()
