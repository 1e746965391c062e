"""
A Lambda system, from 10 to a million copies
============================================

Two ground states g1 and g2 are coupled to one excited state e by two lasers (in the frame that rotates with them). How
many copies must there be, for the populations to be those of quantum mechanics?
"""

import matplotlib.pyplot as plt
import numpy as np

import copympi

# %%
# Rabi frequencies are 1 and 0.7, the detuning 0.4, the two-photon detuning 0.1. For each N a hundred independent
# ensembles (``replicas``) run side by side.

atom = copympi.System([[0, 0.5, 0], [0.5, 0.4, 0.35], [0, 0.35, 0.1]], labels=["g1", "e", "g2"])
start = {"density": [0.6, 0.15, 0.25], "phase": [0, 1, 2], "duration": 20.0, "replicas": 100}
sizes = 10 ** np.arange(1, 7)
runs = [copympi.simulate(atom, members=N, seed=N, **start) for N in sizes]

# %%
# Left: the share of g2 in the first ensemble of three sizes. Right: how far n/N is from quantum mechanics (rms over
# ensembles, levels and times). ``run.sigma`` is the scatter that theory expects of n/N, without a fit.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for run in runs[1::2]:
    left.plot(run.time, run.occupation[0, :, 2] / run.members, label=f"N = {run.members:,}")
left.plot(run.time, run.schrodinger[:, 2], "k:", label="Schrödinger")
rms = [np.sqrt(np.mean((each.occupation / each.members - each.schrodinger) ** 2)) for each in runs]
sigma = [np.sqrt(np.mean(run.sigma**2) * run.members / N) for N in sizes]
right.loglog(sizes, rms, "o", sizes, sigma, "k:")
left.set(xlabel="time", ylabel="share of members in g2")
right.set(xlabel="N", ylabel="distance from quantum mechanics")
left.legend()

# %%
# From 1,000 copies on the distance falls as one over the root of N, and is what theory expects. Smaller ensembles do
# something else: one of the levels loses its last member, and as there is nobody left to copy it stays empty. The share
# of ensembles to which that has happened:

print({run.members: f"{(run.occupation[:, -1] == 0).any(axis=1).mean():.0%}" for run in runs})
