"""What single systems did, for Python: run.histories."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

from copympi.outcome.frames import needed
from copympi.records.paths import Paths
from copympi.report import raster

INCHES_TO_DOTS = 64


class Histories(Paths):
    """Copies by the members that were followed, a row each, in order of time; and their beables at the records.

    time, replica, member, source, target (K,): when, in which replica, who by id, from and to which beable; phase (K,)
    rad, after it, None where the members of a beable share one phase. ids (M,): who was followed. record_time (T,).
    tracked (T, M), with replicas (R, T, M): their beables at the records, -1 of who had left by a filter.

    of(member), beables(times), sojourns(), transitions(): what follows from them. plot(), to_pandas().
    """

    @classmethod
    def of_paths(cls, paths: Paths) -> Histories:
        """The same rows."""
        return cls(*paths.made_of)

    def plot(self, path: Any = None, replica: int = 0) -> Any:
        """A matplotlib Figure: up to a hundred members of a replica, a line each over time, coloured by their beable.

        path : str or path, default None. Where to write it too; its ending (.png, .pdf, .svg) says as what.
        """
        figure = raster.figure(self, replica)
        if path is not None:
            figure.savefig(path)
        return figure

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with a row a copy. ImportError where pandas is not installed."""
        pandas = needed("pandas", "histories.to_pandas")
        names = ("time", "replica", "member", "source", "target", "phase")
        columns = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return pandas.DataFrame(columns)

    def __repr__(self) -> str:
        of = f" in each of {self.replicas:,} replicas" if self.replicas > 1 else ""
        return f"Histories({self.ids.size:,} members{of}, {len(self):,} copies, t = 0 .. {self.end:g})"

    def _repr_html_(self) -> str:
        picture = io.BytesIO()
        self.plot().savefig(picture, format="png", dpi=INCHES_TO_DOTS)
        image = base64.b64encode(picture.getvalue()).decode()
        return f'<div><b>{escape(repr(self))}</b><br><img alt="" src="data:image/png;base64,{image}"></div>'
