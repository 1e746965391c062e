"""
A double well, and a wavefunction with a node
=============================================

A particle in a double well, on 64 sites. Its first excited state has a **node** in the middle: the wavefunction is zero
there, so no member of the ensemble is there, and between the two halves nobody can be copied. In quantum mechanics the
state is stationary; do a million copies keep it? And can a particle that begins on the left tunnel to the right and
back?
"""

import warnings

import matplotlib.pyplot as plt

import copympi

# %%
# The sites are the beables. A packet may be an eigenstate of H (0: the ground state), or a sum of such: the lowest two
# together are a particle on the left. Far out in the tails there is less than one member to a site, of which copympi
# warns; here we know.

warnings.simplefilter("ignore", copympi.EmptyBeableWarning)
well = copympi.lattice(64, potential={"kind": "double-well", "height": 0.05, "separation": 16})
common = {"members": 10**6, "duration": 750.0, "interval": 15.0, "seed": 1}
node = copympi.simulate(well, packet={"eigenstate": 1}, **common)
left = [{"eigenstate": 0}, {"eigenstate": 1}]
alone = copympi.simulate(well, packet=left, **common)
helped = copympi.simulate(well, packet=left, spectators=1, **common)

# %%
# Above, the state with the node, at the start and at the end. Below, where the tunnelling particle is in the mean.

figure, (above, below) = plt.subplots(2, figsize=(7, 7), layout="constrained")
x = well.lattice.positions[0]
above.plot(x, node.occupation[0], "k:", x, node.occupation[-1], "o", fillstyle="none")
above.set(xlabel="site", ylabel="members", title="a state with a node, at t = 0 (dotted) and 750")
t, expected = alone.time, helped.schrodinger @ x
below.plot(t, alone.measured["position"], t, helped.measured["position"], t, expected, "k:")
below.set(xlabel="time", ylabel="mean position (sites)", title="tunnelling")
below.legend(["members alone", "a spectator at each site", "Schrödinger"])

# %%
# The node stays where it is, and so do the members on both sides. The tunnelling particle comes to the right like a
# quantum particle, but not back: on the far left the last member has left, and nobody is there to be copied. One pinned
# member at each site, a spectator, is enough to bring the others back.
