"""Copy dynamics: Smolin's real-ensemble theory of quantum mechanics, on many cores."""

__version__ = "0.1.0"

from copympi.errors import DynamicsError, InputError
from copympi.model.build import lattice
from copympi.model.system import System
from copympi.simulate import Run, simulate

__all__ = ["DynamicsError", "InputError", "Run", "System", "__version__", "lattice", "simulate"]
