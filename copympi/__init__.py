"""Copy dynamics: Smolin's real-ensemble theory of quantum mechanics, on many cores."""

__version__ = "0.1.0"

from copympi import interrupt

interrupt.says(interrupt.BEFORE)  # where this is the command: imports take a second

from copympi.citation import cite  # noqa: E402
from copympi.errors import (  # noqa: E402
    CopyWarning,
    CoresWarning,
    DynamicsError,
    EmptyBeableWarning,
    FilesWarning,
    FrozenStartWarning,
    InputError,
    MachineError,
    OtherMachineWarning,
    RuleWarning,
    ScheduleWarning,
    SeedWarning,
    StateWarning,
    StepWarning,
    StoppedEarly,
)
from copympi.model.build import composite, lattice  # noqa: E402
from copympi.model.circuits import circuit  # noqa: E402
from copympi.model.rule_functions import RuleFunction  # noqa: E402
from copympi.model.rules import Harmonic, Rule  # noqa: E402
from copympi.model.system import System  # noqa: E402
from copympi.simulate import Run, load, simulate  # noqa: E402
from copympi.sweep.python import Sweep, sweep  # noqa: E402

__all__ = [
    "CopyWarning",
    "CoresWarning",
    "DynamicsError",
    "EmptyBeableWarning",
    "FilesWarning",
    "FrozenStartWarning",
    "Harmonic",
    "InputError",
    "MachineError",
    "OtherMachineWarning",
    "Rule",
    "RuleFunction",
    "RuleWarning",
    "Run",
    "ScheduleWarning",
    "SeedWarning",
    "StateWarning",
    "StepWarning",
    "StoppedEarly",
    "Sweep",
    "System",
    "__version__",
    "circuit",
    "cite",
    "composite",
    "lattice",
    "load",
    "simulate",
    "sweep",
]
