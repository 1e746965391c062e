"""Uniform numbers of our own streams for what is drawn outside of kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from copympi.engine.purposes import Purpose
from copympi.kernels import streams


def uniforms(seed: int, purpose: Purpose, replica: int, block: int, step: int, count: int) -> NDArray[np.float64]:
    """So many numbers in [0, 1), a function of the arguments before: the first are the same however many one takes."""
    return streams.uniforms(seed, purpose, replica, block, step, count)
