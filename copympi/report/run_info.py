"""What a results folder holds, for `copympi info`."""

from __future__ import annotations

from copympi.model.driven import Segment
from copympi.model.observables import lattice_of
from copympi.report import analysis
from copympi.report.numbers import humane
from copympi.storage.reading import Results


def describe(data: Results) -> list[str]:
    """Lines about a run: its state, what it simulates, where it comes from, its config."""
    a, (R, T), P = data.attributes, data.events.shape, data.system.P
    unit = data.time_unit
    done = "complete" if a["complete"] else "not complete: the run still goes on, or was stopped"
    lattice = lattice_of(data.system)
    if lattice is None:
        beables = f"{', '.join(data.system.labels[:8])}{', ...' if P > 8 else ''}"
    else:
        beables = f"lattice of {' x '.join(f'{n:,}' for n in lattice.shape)} sites, {lattice.boundary}"
    parts = data.system.parts
    out = [
        f"{data.path}: {done}",
        f"  beables   {P:,}: {beables}",
        *([] if parts is None else [f"  parts     {parts.said}"]),
        f"  members   {humane(data.number)}" + (f" in each of {R:,} replicas" if R > 1 else ""),
        f"  records   {T:,}, t = 0 .. {data.time[-1]:g} {unit}".rstrip(),
    ]
    driven = sum(isinstance(switch.system, Segment) for switch in data.schedule.switches)
    if driven:
        out.append(f"  H         driven: {driven + 1:,} constant Hamiltonians")
    at = [switch.at for switch in data.schedule.switches if not isinstance(switch.system, Segment)]
    if at:
        out.append(f"  H         switched {len(at):,} times, t = {at[0]:g} .. {at[-1]:g} {unit}".rstrip())
    out += [f"  filter    {said}" for said in analysis.filters(data, to_come=True)]
    if data.sparse is not None:
        times = ", ".join(f"{t:g}" for t in data.sparse[:8]) + (", ..." if data.sparse.size > 8 else "")
        out.append(f"  profiles  {data.sparse.size:,}, t = {times}")
    if data.histories is not None:
        out.append(f"  tracked   {_tracked(data)}")
    if "method" in a:  # older versions did not say
        out.append(f"  method    {a['method']}: {a['method_why']}")
    copies = float(data.events[:, -1:].sum())
    out += [
        f"  digests   {_digests(data)}",
        f"  copies    {copies:.6g}" + (f" in {a['steps']:,} steps" if "steps" in a else ""),
        f"  seed      {a['seed']}, ranks {a['ranks']}, {a['mpi']}, on {a['hostname']}",
        f"  started   {a['started']}" + (f", ended {a['ended']}, {a['seconds']:.3g} s" if "ended" in a else ""),
        f"  version   copympi {a['version']}, schema {a['schema']}, {a['libraries']}",
        *([f"  build     {a['build']}"] if "build" in a else []),
        "  config",
        *("    " + line.expandtabs() for line in str(a["config"]).strip().splitlines()),
    ]
    return out


def _tracked(data: Results) -> str:
    """Who is followed, and how many rows there are of them."""
    paths, unit = data.histories, data.time_unit
    if paths is None:
        return "nobody"
    of = f" in each of {paths.replicas:,} replicas" if paths.replicas > 1 else ""
    said = f"{paths.ids.size:,} members{of}, {len(paths):,} copies of theirs"
    if paths.end < data.time[-1]:
        said += f" up to t = {paths.end:g} {unit}".rstrip() + "; later ones are not yet in the file, or damaged"
    return said


def _digests(data: Results) -> str:
    if not data.verified:
        return f"none: version {data.attributes['version']} wrote none, so damage to values goes unnoticed"
    if data.torn:
        return f"all match but those of {data.torn:,} more records at the end: written just now, cut short, or damaged"
    return "all match"
