"""
The N sweep: how quantum mechanics comes out of many copies
===========================================================

Many runs of one problem that differ in a few keys are a **sweep**. It makes a folder, shares the runs out over MPI
ranks, goes on where it was stopped, and collects one table with error bars.
"""

import tempfile

import copympi

# %%
# The keys that are swept have the names of a config file. Runs that differ in their seed alone go into one row.

qubit = {"system": {"hamiltonian": [[0.3, 0.5], [0.5, -0.3]]}}
run = {"preparation": {"density": [0.7, 0.3]}, "dynamics": {"duration": 5.0}, "output": {"interval": 0.5}}
sizes = [100, 1000, 10**4, 10**5, 10**6, 10**9]
over = {"preparation.members": sizes, "dynamics.seed": range(40)}
folder = tempfile.TemporaryDirectory()
sweep = copympi.sweep(qubit | run, over=over, output=folder.name)
sweep.plot()

# %%
# Points are measured; what is expected comes from the noise of the copy rule, without a fit. All N have the same forty
# seeds, so that points are off in the same direction. The table has a column for each quantity, its standard error
# beside it. Where ensembles come down to fewer than some 20 members in a beable the expectation means nothing and is
# left out (nan). More: `Sweeps <../sweeps.html>`_.

table = sweep.table
columns = ("preparation.members", "deviation", "deviation error", "expected")
for N, off, error, expected in zip(*(table[name] for name in columns), strict=True):
    print(f"N = {N:>13,}: {off:.1e} ± {error:.0e} from quantum mechanics, expected {expected:.1e}")
folder.cleanup()
