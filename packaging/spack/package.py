# Copyright Spack Project Developers. See COPYRIGHT file for details.
#
# SPDX-License-Identifier: (Apache-2.0 OR MIT)

from spack_repo.builtin.build_systems.python import PythonPackage

from spack.package import *


class PyCopympi(PythonPackage):
    """Copy dynamics: Smolin's real-ensemble theory of quantum mechanics, simulated on many cores."""

    homepage = "https://doi.org/10.1007/s10701-012-9661-1"
    pypi = "copympi/copympi-0.1.0.tar.gz"

    license("BSD-3-Clause", checked_by="copympi")

    # its sha256 is known once the sdist is published; until then: spack develop (packaging/README.md)
    version("0.1.0")

    variant("mpio", default=False, description="all ranks write one file through parallel HDF5 (--writer mpio)")

    depends_on("c", type="build")
    depends_on("python@3.10:", type=("build", "run"))
    depends_on("py-setuptools@77:", type="build")
    depends_on("py-cython@3.0.10:", type="build")

    depends_on("py-numpy@2:", type=("build", "link", "run"))
    depends_on("py-scipy@1.12:", type=("build", "run"))
    depends_on("py-h5py@3.10:", type=("build", "run"))
    depends_on("py-h5py+mpi", type=("build", "run"), when="+mpio")
    depends_on("py-mpi4py@4.1:", type=("build", "run"))
    depends_on("py-pydantic@2.6:", type=("build", "run"))
    depends_on("py-tomlkit@0.12:", type=("build", "run"))
    depends_on("py-xxhash@3:", type=("build", "run"))
    depends_on("py-tqdm@4.66:", type=("build", "run"))
    depends_on("py-matplotlib@3.8:", type=("build", "run"))

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_install(self):
        """What this installation lacks, in a line each: MPI library, Allreduce, HDF5, clock."""
        python("-m", "copympi", "check")
