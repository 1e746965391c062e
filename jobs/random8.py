"""Write jobs/random8.mtx: an 8 by 8 Hermitian matrix from the Gaussian unitary ensemble."""

from pathlib import Path

import numpy as np
from scipy.io import mmwrite

rng = np.random.default_rng(2012)
A = rng.standard_normal((8, 8)) + 1j * rng.standard_normal((8, 8))
mmwrite(Path(__file__).with_suffix(".mtx"), (A + A.conj().T) / (2 * np.sqrt(2)), precision=17, symmetry="hermitian")
