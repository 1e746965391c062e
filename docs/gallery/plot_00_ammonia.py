"""
Ammonia, the shortest run
=========================

The nitrogen of an ammonia molecule sits on one side of the three hydrogens or on the other, and tunnels. These are
the two beables; the coupling between them, 0.0747 per picosecond, is half of the inversion's angular frequency. Of
10,000 molecules nine tenths begin with the nitrogen on the left.
"""

import copympi

ammonia = copympi.System([[0.0, -0.0747], [-0.0747, 0.0]], labels=["left", "right"])
run = copympi.simulate(ammonia, density=[0.9, 0.1], members=10**4, duration=84.0, time_unit="ps", seed=1)
run.plot()

# %%
# Above: the shares of the two beables (dots) on Schrödinger's curves. Below: what is left between them, beside the
# noise that 10,000 copies are expected to show. At the end of the run:

print(run.occupation[-1] / 10**4, "Schrödinger:", run.schrodinger[-1], "±", run.sigma[-1])
