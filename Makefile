# make demo   sets up everything and runs the main job
# make test   sets up what more it needs and runs all tests
# make docs   builds the site into docs/_build/html
# No root needed; with root on Debian or Ubuntu the tests install Open MPI, SLURM and parallel HDF5 too.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
KERNELS = setup.py pyproject.toml $(wildcard cython_src/*.pyx cython_src/*.h copympi/kernels/*.pxd)
ACTIVE  = PATH="$(abspath $(BIN)):$$PATH"
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1

.PHONY: demo test test-long lint bench docs clean

demo: $(VENV)/.installed
	@rm -rf demo
	@echo "ammonia in N copies, 200 ensembles each, two MPI ranks:"
	@$(BIN)/mpiexec -n 2 $(BIN)/python jobs/demo.py demo

# bytecode first: tests start processes by the thousand, and where PYTHONDONTWRITEBYTECODE is set each would compile anew
test: $(VENV)/.test lint
	$(BIN)/python -m compileall -q copympi tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not long" tests/slurm tests/faults tests/mpi tests/laws tests/statistical tests/unit

# more kills, flips, pairs of ranks, replicas: hours
test-long: $(VENV)/.test
	$(BIN)/python -m pytest -m long tests

lint: $(VENV)/.test
	$(ACTIVE) ruff check .
	$(ACTIVE) mypy
	$(ACTIVE) cython-lint cython_src copympi/kernels

bench: $(VENV)/.bench
	$(BIN)/python benchmarks/bench.py

# the site, in docs/_build/html; a warning is an error
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "the site: docs/_build/html/index.html"

$(VENV)/.installed: $(KERNELS)
	$(PYTHON) -m venv $(VENV)
	@printf 'compiling the kernels, and libraries into $(VENV): a minute or two '
	@CPATH="$$(sh tools/python-headers $(PYTHON))" sh tools/with-dots $(PIP) --editable '.[mpich]'
	@touch $@

$(VENV)/.test: $(VENV)/.installed $(wildcard tests/provide-*)
	$(PIP) $$($(BIN)/python tools/extra test)
	sh tests/provide-openmpi
	sh tests/provide-slurm
	sh tests/provide-faketime
	sh tests/provide-parallel-hdf5 $(VENV) $(VENV)-openmpi openmpi
	sh tests/provide-parallel-hdf5 $(VENV) $(VENV)-mpich mpich
	touch $@

$(VENV)/.bench: $(VENV)/.installed
	$(PIP) $$($(BIN)/python tools/extra bench)
	touch $@

$(VENV)/.docs: $(VENV)/.installed pyproject.toml
	$(PIP) $$($(BIN)/python tools/extra docs)
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-openmpi $(VENV)-mpich build demo docs/_build docs/auto_gallery docs/reference docs/project copympi.egg-info copympi/kernels/*.so
