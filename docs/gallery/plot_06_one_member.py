"""
One member's history
====================

What one sees in a laboratory is one system. What does a single ammonia molecule do while the nitrogen of a million of
them tunnels to the other side of the hydrogens and back?
"""

import matplotlib.pyplot as plt

import copympi

# %%
# H is half the tunnel splitting over hbar, in 1/ps: a period is 42 ps. ``track=1000`` follows a thousand members one by
# one; it works at any N.

ammonia = copympi.System([[0, -0.0747], [-0.0747, 0]], labels=["left", "right"])
start = {"density": [0.7, 0.3], "members": 10**6, "duration": 168.0, "time_unit": "ps", "seed": 1}
run = copympi.simulate(ammonia, track=1000, **start)
paths = run.histories
paths.plot()

# %%
# A line is a molecule, over time, for the first hundred of them. While the wavefunction moves to the right molecules
# leave the left one by one, each by copying one that is on the right; none goes against the current. So a molecule does
# not swing: it moves at most once in half a period, at a moment of its own, or not at all.

times, beables = paths.of(paths.ids[0])
print("one molecule:", [f"{ammonia.labels[b]} from {t:.1f} ps" for t, b in zip(times, beables, strict=True)])
print("moves of a molecule in a period, in the mean:", len(paths) / 1000 / 4)

# %%
# How long does a molecule remember where it was? Of those that began on the left all are there at first; after a period
# hardly more of them than of all molecules. More:
# `Histories <../histories.html>`_ and `What one system remembers <../mixing.html>`_.

began_left = paths.tracked[:, paths.tracked[0] == 0] == 0
plt.plot(run.time, began_left.mean(axis=1), label="of those that began on the left")
plt.plot(run.time, run.occupation[:, 0] / run.members, "k:", label="of all")
plt.xlabel("time (ps)")
plt.ylabel("share that is on the left")
plt.legend()
