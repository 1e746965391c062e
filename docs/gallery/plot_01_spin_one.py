"""
Spin 1 in a tilted field
========================

A spin of length 1 points along y. A field halfway between z and x makes it precess. What does an ensemble of copies do?

The **beables**, what each spin really has, are the three values m = 1, 0, -1 along z. The ensemble has no wavefunction
besides its members: how many have which m, and a phase for each m. Each member moves from one m to the next by copying
another member that is there already.
"""

import matplotlib.pyplot as plt
import numpy as np

import copympi

# %%
# The Hamiltonian is any Hermitian matrix; ``qutip.jmat(1, "z")`` and the like would do as well. With hbar = 1 and a
# field of strength 1 times run in radians of precession.

Jz = np.diag([1.0, 0.0, -1.0])
Jx = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / np.sqrt(2)
spin = copympi.System((Jz + Jx) / np.sqrt(2), labels=["m = 1", "m = 0", "m = -1"])

# %%
# The state of the spin that points along y, in a million copies, over two turns. ``run.plot()`` compares the numbers of
# members with Schrödinger's equation for the same H, and the difference with the noise that a million copies must show.

along_y = np.array([1, 1j * np.sqrt(2), -1]) / 2
run = copympi.simulate(spin, state=along_y, members=10**6, duration=4 * np.pi, seed=1)
run.plot()

# %%
# The mean of m follows the classical spin, which turns about the field: <J_z> = sin(t)/sqrt(2). Few copies do the same
# with more noise.

few = copympi.simulate(spin, state=along_y, members=1000, duration=4 * np.pi, seed=2)
for each, colour in ((few, "C1"), (run, "C0")):
    plt.plot(each.time, each.occupation @ [1, 0, -1] / each.members, colour, label=f"{each.members:,} copies")
plt.plot(run.time, np.sin(run.time) / np.sqrt(2), "k:", label="a classical spin")
plt.xlabel("time (radians of precession)")
plt.ylabel("mean of m")
plt.legend()
