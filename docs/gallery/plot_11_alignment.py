"""
Do phases align?
================

The wavefunction of an ensemble takes it for granted that all members of one beable have the same phase. What if they
begin with phases of their own? Section 3.2 of the paper adds forces between members that should align them.
"""

import matplotlib.pyplot as plt

import copympi

# %%
# A thousand members of a qubit, phases anywhere on the circle. First the copy rule alone; then with the forces of the
# paper's model, which has a friction added here (without one nothing comes to rest); then with forces that know
# a phase from its opposite (``polar``).

qubit = [[0.3, 0.5], [0.5, -0.3]]
start = {"density": [0.6, 0.4], "phase_spread": 3.14, "members": 1000, "duration": 20.0, "seed": 1}
force = {"strength": 1.0, "scaling": "mean", "damping": 1.0}
rules = copympi.simulate(qubit, **start)
paper = copympi.simulate(qubit, alignment=force, **start)
polar = copympi.simulate(qubit, alignment=force | {"potential": "polar"}, **start)

# %%
# ``coherence`` is the length of the mean of exp(i phi) over the members of a beable: 1 where all have one phase, 0
# where they have none in common. ``coherence2`` is the same of exp(2 i phi): 1 also where some are opposite.

for run, name, colour in ((rules, "copy rule alone", "C0"), (paper, "paper", "C1"), (polar, "polar", "C2")):
    plt.plot(run.time, run.coherence[:, 1], colour, label=name)
    plt.plot(run.time, run.coherence2[:, 1], colour, ls=":")
plt.xlabel("time")
plt.ylabel("alignment of beable 1 (dotted: up to a sign)")
plt.legend()

# %%
# The copy rule alone aligns phases slowly, because every copy takes over a phase, and some phases die out. The paper's
# forces, which have the period pi, align them up to a sign only: two groups are left that point in opposite ways. Polar
# forces align them all. More: "Do phases align?" in `Studies <../studies.html>`_.
