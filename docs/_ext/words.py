"""What each key of a config means, in words; keys of tables within keys come behind a further dot.

Types, defaults and bounds stand in the code (copympi/config/sections.py). tests/unit/test_reference.py asks the code
for all keys that it knows, and misses none here.
"""

from __future__ import annotations

SECTIONS = {
    "system": "What the members are: their beables, and the Hamiltonian H that couples these.",
    "preparation": "The ensemble at t = 0.",
    "dynamics": "How long it is followed, how accurately, and by which method.",
    "alignment": "The paper's model (42) to (53), in which the phases of a beable's members pull each other "
    "together. Left out: there is no such pull. Members then have a momentum each beside their phase.",
    "schedule": "A table `[[schedule]]` for each thing that happens at a given time: another H, or a filter. Each "
    "has `at` and one of the other keys.",
    "output": "What is recorded, and when.",
    "checkpoint": "The files from which a run goes on that was stopped.",
}

KEYS = {
    "system.hamiltonian": "The Hermitian matrix H in units of energy: P rows of P numbers, complex ones as texts "
    'like "0.1-0.2j"; or the path of a file, .npy, .npz (dense or scipy.sparse), .mtx, or FILE.h5:/dataset. Left '
    "out where there is a builder.",
    "system.hbar": "Planck's constant over 2 pi, in your units of energy and time.",
    "system.labels": "Names of the beables, P texts, for tables and figures; left out: their numbers.",
    "system.builder": 'What makes H in place of a matrix: "lattice", a particle on a grid of sites, or "composite", '
    "coupled parts.",
    "system.drive": "Tables `[[system.drive]]`, each a Hermitian part of H that is multiplied by a pulse f(t): H(t) "
    "= H_0 + sum f_j(t) H_j.",
    "system.drive.hamiltonian": "H_j, an energy, given like `system.hamiltonian`.",
    "system.drive.potential": "On a lattice, in place of it: a potential, given like that of the lattice.",
    "system.drive.terms": "Of a composite, in place of it: terms, given like those of the composite.",
    "system.drive.pulse": "f_j, a number without unit that changes in time: a table.",
    "system.drive.pulse.shape": "Which function of t, see below.",
    "system.drive.pulse.window": "Two times [start, end], outside of which the pulse is zero. Not for ramps.",
    "system.sites": "How many sites, or a list of how many along each axis. x = 0 is a site: x_i = (i - L//2) spacing.",
    "system.spacing": "The distance of neighbours, or a list with one for each axis; 1 where left out.",
    "system.mass": "The particle's mass; 1 where left out. Neighbours are coupled by -hbar^2/(2 mass spacing^2).",
    "system.boundary": '"ring": the last site is a neighbour of the first (where left out); "open": it is not.',
    "system.potential": 'V at the sites, an energy: a name ("free" where left out), a table with `kind` and what '
    "goes with it (below), or a file with a number for each site.",
    "system.parts": "The parts: a list of tables, or {A = 2, B = 3} with their dimensions. A beable of the whole is "
    "one beable of each part; the first part varies slowest.",
    "system.parts.name": "The part's name, of letters, digits and _.",
    "system.parts.dimension": "How many beables it has.",
    "system.parts.labels": "Names of its beables; left out: their numbers.",
    "system.terms": "The terms, whose sum is H: a list of tables.",
    "system.terms.on": "The part that the term acts on, or a list of several.",
    "system.terms.operator": 'A product of names with `*` between, one for each part in `on` ("sz*sx"; "sp*sm + '
    'h.c."), a matrix of these parts, or its file.',
    "system.terms.strength": "What the operator is multiplied by, an energy; 1 where left out.",
    "preparation.members": "N, how many members (copies) the ensemble has: whole, up to 2^63 - 1, as counts up to "
    "1e80. inf: the infinite ensemble, which has no noise.",
    "preparation.state": "The P amplitudes Psi_a, normalised. n_a is N |Psi_a|^2, rounded to whole members, and the "
    "phase -arg Psi_a.",
    "preparation.density": "In place of `state`: |Psi_a|^2, P numbers whose sum is 1.",
    "preparation.phase": "With `density`: P phases in rad, Psi = sqrt(density) exp(-i phase); 0 where left out.",
    "preparation.normalise": "Scale `state`, `density` or `parts` to norm one, whatever it is; else a norm that is "
    "off 1 by more than 1e-4 is refused.",
    "preparation.phase_spread": "Half width, in rad, of a uniform spread of the members' phases about their "
    "beable's. 0: the members of a beable share one phase; 3.1416: random phases.",
    "preparation.phases": 'The phases of all N members in rad, in order of their beables: "FILE.h5:/dataset".',
    "preparation.phase_kinds": "Where phases are spread and only numbers of members are kept: how many evenly spaced "
    "phases a beable has at t = 0.",
    "preparation.spectators": "So many of the members in each beable are pinned: they are copied but never copy, so "
    "that the beable never becomes empty.",
    "preparation.packet": "In place of `state`: a Gaussian packet on a lattice, or an eigenstate; or a list of such, "
    "which are superposed.",
    "preparation.packet.centre": "Where |Psi|^2 has its maximum: a position, or one for each axis.",
    "preparation.packet.width": "The standard deviation of |Psi|^2, or one for each axis.",
    "preparation.packet.wave_number": "k of the plane wave exp(i k x), or one for each axis; 0 where left out.",
    "preparation.packet.eigenstate": "In place of `centre` and `width`, of any system: 0 is the ground state, 1 the "
    "next.",
    "preparation.packet.amplitude": "The complex factor with which it comes into a superposition; 1 where left out.",
    "preparation.parts": 'Of a composite, in place of `state`: a product state, {A = [0.6, "0.8j"], B = "up"}, for '
    "each part its amplitudes or the name of a beable; a part left out is in its first beable.",
    "preparation.admixture": "A state chi that is mixed in with a small weight w, so that no beable starts empty: "
    "Psi becomes sqrt(1 - w) Psi + sqrt(w) chi.",
    "preparation.admixture.state": 'chi: "ground" for the ground state of H, "uniform", or P amplitudes.',
    "preparation.admixture.weight": "w; 1e-6 where left out.",
    "preparation.basis": "Other beables: a unitary matrix, rows of numbers or a file, whose columns are the beables "
    'to use; "eigen": the eigenstates of H. H and the state are given in the first beables.',
    "preparation.guided": 'With guide = "schroedinger": numbers, or a density, of the systems in each beable at t = '
    "0, where they are not to be as |Psi_a|^2.",
    "dynamics.duration": "The length of the run, a time: a multiple of `output.interval`.",
    "dynamics.step": "A fixed length of the steps, which divides `output.interval`. Left out: steps are as long as "
    "`tolerance` and `leaving_chance` allow.",
    "dynamics.tolerance": "How far n_a/N may be off over the whole run because steps are not infinitely short (with "
    "phases of their own it only sets the length of steps); noise comes on top of that.",
    "dynamics.leaving_chance": "The largest chance that any member may have to leave its beable in one step.",
    "dynamics.method": '"leap": all copies of a step are drawn at once; "exact": one copy after the other, each at '
    'its own time; "auto": one by one where few members are concerned, else leaps.',
    "dynamics.representation": '"occupation": how many members have each beable, at the same cost for any N; '
    '"members": each member by itself; "auto": counts, unless phases or `[alignment]` ask for members.',
    "dynamics.replicas": "How many independent ensembles are simulated, all from the same start.",
    "dynamics.seed": "The seed of all random numbers. Equal configs and seeds give equal results, to the last bit.",
    "dynamics.rule": "A table `[dynamics.rule]`: another copy rule than that of quantum mechanics, of the paper's "
    "class (18), (19), (27), (28).",
    "dynamics.rule.q": "A member in b moves to a at a rate in proportion to (n_a/n_b)^q; 0.5 where left out.",
    "dynamics.rule.r": "The phases in a turn at a rate that has (n_a/n_b)^r in it; -0.5 where left out.",
    "dynamics.rule.harmonics": "A list of tables, one for each harmonic k of the difference of phases.",
    "dynamics.rule.harmonics.k": "Which harmonic: sin and cos of k (phi_a - phi_b); 1 where left out.",
    "dynamics.rule.harmonics.copying": "The strength of copying as a multiple of R_ab; 2 where left out. Here, and "
    "in the next three, a number for all pairs, a matrix, or its file.",
    "dynamics.rule.harmonics.turning": "The strength with which phases turn, as a multiple of R_ab; 1 where left out.",
    "dynamics.rule.harmonics.copying_shift": "rad, added to k delta_ab in copying for a < b and subtracted for a > "
    "b; 0 where left out.",
    "dynamics.rule.harmonics.turning_shift": "The same where phases turn.",
    "dynamics.rule.copying_powers": "In place of q: the powers of n_a and n_b in the rate at which one member in b "
    "copies one in a, [q - 1, -q].",
    "dynamics.rule.turning_powers": "In place of r: the powers with which one member in b turns one in a, [r, -r - 1].",
    "dynamics.rule.anyway": "Take powers that do not sum to -1, with which the dynamics depends on N, and warn only.",
    "dynamics.guide": '"ensemble": members copy members. "schroedinger": nobody copies, and systems jump as in '
    "Bell's process, guided by the wavefunction of Schrödinger's equation.",
    "dynamics.guide_mixing": 'With guide = "schroedinger": a part of the jump rates that is the same both ways, as a '
    "multiple of 2 R_ab |Psi_a|/|Psi_b| (Vink's class).",
    "alignment.strength": "f^2, how strongly phases of a beable's members pull at each other, in 1/time^2.",
    "alignment.scaling": '"total": f^2 as in the paper, the sum over a beable\'s members; "mean": f^2/n_a, their mean.',
    "alignment.damping": "A rate at which momenta decay, in 1/time; the paper has none.",
    "alignment.potential": '"sin2": the paper\'s sin^2 of the difference of two phases, which pulls them together or '
    'to opposite values; "polar": 1 - cos, which pulls them together only.',
    "alignment.momenta": "Half width of a uniform spread of momenta at t = 0, in rad/time.",
    "alignment.on_copy": 'The momentum of a member that has copied: "inherit", that of the copied one, or "reset", 0.',
    "schedule.at": "When, in units of time; it need not be the time of a record. What is recorded at it comes before.",
    "schedule.hamiltonian": "H from then on, given like `system.hamiltonian`.",
    "schedule.potential": "On a lattice: the potential from then on.",
    "schedule.terms": "Of a composite: the terms of H from then on.",
    "schedule.filter": 'Names or numbers of beables, of a composite {A = ["up"]}: members with any other leave the '
    "ensemble.",
    "output.interval": "The time between records; a hundredth of the duration where left out.",
    "output.time_unit": 'The name of your unit of time ("ps"), which is written on axes and into files.',
    "output.profile_interval": "The time between records of what there is for every beable, a multiple of "
    "`interval`. Left out: every record up to P = 4096, else start and end alone.",
    "output.summaries": "Whether energies, the smallest n_a, motion on a lattice, and correlations of parts are "
    "recorded. Left out: on lattices and of composites.",
    "output.track": "How many members, or a list of whose numbers (ids), are followed one by one, copy by copy.",
    "checkpoint.interval": 'Wall time between checkpoints, "30s", "10min" or "2h"; or simulated time, a number.',
    "checkpoint.keep": "How many of the newest checkpoints stay.",
    "checkpoint.final": "Whether a run that ends leaves one too, from which it can be made longer.",
}

POTENTIALS = {
    "free": "V = 0.",
    "harmonic": "V = m omega^2 (x - centre)^2 / 2, the sum over the axes.",
    "barrier": "V = height where |x - centre| <= width/2 along the first axis, else 0; a trench if height is negative.",
    "double-well": "V = height ((2 (x - centre)/separation)^2 - 1)^2 along the first axis, and m omega^2 y^2/2 along "
    "each other axis; without `omega` V does not depend on those.",
    "cosine": "V = depth cos(2 pi x/period), the sum over the axes.",
}

PULSES = {
    "constant": "f = height.",
    "gaussian": "f = height exp(-(t - centre)^2/(2 width^2)).",
    "cosine": "f = amplitude cos(2 pi frequency t + phase), phase in rad, 0 where left out.",
    "ramp": "f is `from` before `start`, `to` after `end`, and a straight line between.",
}
