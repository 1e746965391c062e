"""Build of the compiled kernels; everything else about the package stands in pyproject.toml."""

import os
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

FLAGS = ["-O3", "-ffp-contract=off", "-fno-math-errno"]
# GCC 12 fuses products and sums of complex numbers in vectors, whatever -ffp-contract says, where CFLAGS name a CPU
# with fused multiply-add; these kernels have such (`python tools/bits.py` finds them)
ONE_BY_ONE = ("phase_paths", "general_phases")
# no operation traps: gcc makes vectors of these kernels' loops only if it is told so, as clang takes it for granted
WITHOUT_TRAPS = ("lattice_path", "lattice", "moves", "settle")
said = " ".join([os.environ.get("CFLAGS", ""), *FLAGS]).strip().replace("\\", "/").replace('"', "'")
options = {
    "include_dirs": [numpy.get_include(), "cython_src"],
    "libraries": ["m"],
    # no contraction: the same source gives the same bits on machines with and without fused multiply-add
    "extra_compile_args": FLAGS,
    "depends": [str(header) for header in Path("cython_src").glob("*.h")],
    "define_macros": [
        ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
        ("COPYMPI_FLAGS", f'"{said}"'),
    ],
}
kernels = ["portable", "streams", "draws", "couplings", "step_control", "plans", "marks", "crowd", "classes", "tracker"]
kernels += ["flows", "step_lengths", "predictor", "events", "hybrid", "followed", "some_events", "counts"]
kernels += ["targets", "members", "exact"]
kernels += ["fields", "field_plans", "phases", "proposals", "copies", "single", "phase_classes", "momenta", "lineages"]
kernels += ["phase_paths", "exact_phases", "excess"]
kernels += ["bonds", "passes", "flow_tracks", "moves", "cluster_path", "cluster_moves", "clusters", "settle"]
kernels += ["lattice_path", "lattice", "lattice_tiles", "ways", "lattice_members", "deals", "dealt_moves"]
kernels += ["class_tracks"]
kernels += ["general", "profiles", "general_steps", "general_counts", "general_exact", "hazards"]
kernels += ["general_phases", "general_plans", "general_copies", "general_phase_events"]
kernels += ["guide", "guided_counts", "guided_events", "watch"]


def kernel(name: str) -> Extension:
    """How one of them is built."""
    flags = [*FLAGS]
    flags += ["-fno-tree-slp-vectorize"] if name in ONE_BY_ONE else []
    flags += ["-fno-trapping-math"] if name in WITHOUT_TRAPS else []
    return Extension(f"copympi.kernels.{name}", [f"cython_src/{name}.pyx"], **{**options, "extra_compile_args": flags})


setup(
    ext_modules=cythonize(
        [kernel(name) for name in kernels],
        build_dir="build/cython",
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
