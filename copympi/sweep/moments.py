"""Means and their standard errors over ensembles that are seen one at a time; what is not finite does not count."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Moments:
    """Of arrays of one shape (Welford's sums). mean : NaN where nothing was finite; error : standard error of the
    mean, NaN where there were fewer than two."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = np.zeros(shape, np.int64)
        self._mean, self._sum = np.zeros(shape), np.zeros(shape)

    def add(self, values: NDArray[Any]) -> None:
        """One more ensemble."""
        values = np.asarray(values, float)
        there = np.isfinite(values)
        self.count += there
        off = np.where(there, values, self._mean) - self._mean
        self._mean += off / np.maximum(self.count, 1)
        self._sum += off * np.where(there, values - self._mean, 0.0)

    @property
    def mean(self) -> Floats:
        return np.where(self.count > 0, self._mean, np.nan)

    @property
    def error(self) -> Floats:
        many = self.count > 1
        return np.where(many, np.sqrt(self._sum / np.where(many, self.count * (self.count - 1), 1)), np.nan)


class Turns:
    """The same of angles (rad): mean direction, in (-pi, pi], and circular standard deviation over sqrt(count)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.cos, self.sin = Moments(shape), Moments(shape)

    def add(self, values: NDArray[Any]) -> None:
        """One more ensemble."""
        self.cos.add(np.cos(values))
        self.sin.add(np.sin(values))

    @property
    def mean(self) -> Floats:
        return np.arctan2(self.sin.mean, self.cos.mean)

    @property
    def error(self) -> Floats:
        count = self.cos.count
        length = np.clip(np.hypot(self.sin.mean, self.cos.mean), 1e-300, 1.0)
        return np.where(count > 1, np.sqrt(-2 * np.log(length) / np.maximum(count, 1)), np.nan)
