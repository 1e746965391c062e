"""Copy dynamics: Smolin's real-ensemble theory of quantum mechanics, on many cores."""

__version__ = "0.1.0"

from copympi.errors import DynamicsError, InputError  # noqa: E402
from copympi.model.system import System  # noqa: E402
from copympi.simulate import Run, simulate  # noqa: E402

__all__ = ["DynamicsError", "InputError", "Run", "System", "__version__", "simulate"]
