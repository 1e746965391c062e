"""HDF5 dimension scales of results.h5: each axis has a name, and where it stands for something, its values.

So xarray.open_dataset("DIR/results.h5") opens it with dimensions replica, time, beable. Scales that are no recorded
quantity (replica, beable, axis) stand beside the datasets; digests do not cover them: what they say is said elsewhere.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any

import h5py

from copympi.records.axes import dimensions, names_along
from copympi.records.quantity import TIMES
from copympi.storage.columns import GROUP
from copympi.storage.hdf5 import FAILURES
from copympi.storage.layout import recorded

DESCRIBED = {
    "replica": "numbers of the independent ensembles",
    "beable": "names of the beables, or their numbers",
    "axis": "numbers of the lattice's axes",
    "pair_of_parts": "names of two parts",
    "pair_of_qubits": "names of two parts of two beables each",
}


def attach(file: Any, system: Any, replicas: int, virtual: bool = False) -> None:
    """Name the axes of the datasets of a new results file, and make the scales that they need.

    virtual : those of datasets that are shown from files of their own, which HDF5 looks for beside this file: only
    where it is on the disk. Else those of all others.
    """
    for name in () if virtual else TIMES:
        if name in file:
            file[name].make_scale(name)
    for name in recorded(file):
        shown = file[name].is_virtual  # its shape is not asked for: HDF5 would look into the files it is shown from
        if name in TIMES or name.startswith(f"{GROUP}/") or (virtual and not shown):
            continue
        data = file[name]
        axes = dimensions(name, 2 + (replicas > 1) if shown else data.ndim, replicas > 1, "profile_time" in file)
        for k, axis in enumerate(axes):
            if axis not in file:
                _make(file, axis, names_along(axis, system, replicas if shown else data.shape[k]))
        if shown != virtual:
            continue
        with suppress(*FAILURES) if shown else nullcontext():  # a kill may have left half a file there: then no names
            for k, axis in enumerate(axes):
                data.dims[k].attach_scale(file[axis])


def _make(file: Any, name: str, values: Any) -> None:
    text = values.dtype.kind == "U"
    more: Any = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if values.nbytes > 1 << 16 else {}
    data = file.create_dataset(
        name, data=values.astype(object) if text else values, dtype=h5py.string_dtype() if text else None, **more
    )
    other = "names of a part's beables" if name.startswith("beable_") else "numbers of the components"
    data.attrs["description"] = DESCRIBED.get(name, other)
    data.make_scale(name)
