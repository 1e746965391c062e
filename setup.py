"""Build of the compiled kernels; everything else about the package stands in pyproject.toml."""

import os
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

FLAGS = ["-O3", "-ffp-contract=off", "-fno-math-errno"]  # and what a kernel asks for in its first lines
asked = os.environ.get("CFLAGS", "")
said = " ".join([asked, *FLAGS]).strip().replace("\\", "/").replace('"', "'")
options = {
    "include_dirs": [numpy.get_include(), "cython_src"],
    "libraries": ["m"],
    # no contraction: the same source gives the same bits on machines with and without fused multiply-add
    # Python's own flags ask for debugging information: a quarter of the time and four fifths of the size
    "extra_compile_args": FLAGS if "-g" in asked.split() else [*FLAGS, "-g0"],
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
kernels += ["lattice_path", "lattice_passes", "lattice", "lattice_tiles", "ways", "lattice_members"]
kernels += ["deals", "dealt_moves", "class_tracks"]
kernels += ["general", "profiles", "general_steps", "general_counts", "general_exact", "hazards"]
kernels += ["general_phases", "general_plans", "general_copies", "general_phase_events"]
kernels += ["guide", "guided_counts", "guided_events", "watch"]

setup(
    ext_modules=cythonize(
        [Extension(f"copympi.kernels.{name}", [f"cython_src/{name}.pyx"], **options) for name in kernels],
        build_dir="build/cython",
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
