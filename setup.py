"""Build of the compiled kernels; everything else about the package stands in pyproject.toml."""

from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

numpy_home = Path(numpy.__file__).parent
options = {
    "include_dirs": [numpy.get_include(), "cython_src"],
    "library_dirs": [str(numpy_home / "random" / "lib"), str(numpy_home / "_core" / "lib")],
    "libraries": ["npyrandom", "npymath", "m"],
    # no contraction: the same source gives the same bits on machines with and without fused multiply-add
    "extra_compile_args": ["-O3", "-ffp-contract=off", "-fno-math-errno"],
    "define_macros": [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
}
kernels = ["streams", "predictor", "occupation", "members"]
kernels += ["fields", "phases", "offers", "copies", "lineages", "aligning", "kinds", "bonds"]
kernels += ["moves", "clusters", "sites"]
setup(
    ext_modules=cythonize(
        [Extension(f"copympi.kernels.{name}", [f"cython_src/{name}.pyx"], **options) for name in kernels],
        build_dir="build/cython",
    ),
)
