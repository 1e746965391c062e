"""The command line. Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped early after a checkpoint."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

from copympi import __version__
from copympi import config as configuration
from copympi.engine import parallel
from copympi.errors import DynamicsError, InputError, MachineError, NotBuiltYet


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, once for all ranks."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message} (see {self.prog} --help)")
        sys.exit(2)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its code, the same on every rank."""
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
    except InputError as problem:
        _complain(str(problem))
        code = 2
    except (DynamicsError, MachineError) as problem:
        _complain(str(problem))
        code = 1
    except KeyboardInterrupt:
        code = 1
    except Exception:
        print(traceback.format_exc(), file=sys.stderr, flush=True)
        count, rank = parallel.launched()
        if count > 1:  # others may wait for this rank for ever
            print(f"copympi: rank {rank} failed; the whole job ends", file=sys.stderr, flush=True)
            parallel.world().Abort(1)
        code = 1
    sys.stdout.flush()
    sys.exit(code)


def _complain(message: str) -> None:
    if parallel.launched()[1] == 0:
        print(f"copympi: error: {message}", file=sys.stderr, flush=True)


def _parser() -> Parser:
    parser = Parser(prog="copympi", description="Copy dynamics: Smolin's real-ensemble theory, on many cores.")
    parser.add_argument("--version", action="version", version=f"copympi {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    run = commands.add_parser("run", help="run a config, under any launcher", description="Run a config.")
    run.add_argument("config", metavar="CONFIG.toml", type=Path)
    run.add_argument("-o", "--output", metavar="DIR", type=Path, help="results folder (default: the config's stem)")
    run.add_argument("--set", metavar="SECTION.KEY=VALUE", action="append", default=[], help="change a key")
    run.add_argument("--resume", action="store_true", help="continue from the newest checkpoint")
    run.add_argument("--overwrite", action="store_true", help="replace a finished run in DIR")
    run.add_argument("--quiet", action="store_true", help="print errors only")
    run.add_argument("--progress", choices=("auto", "bar", "lines"), default="auto", help="how to show progress")
    run.add_argument("--no-figure", action="store_true", help="leave the figure to `copympi plot`")
    run.set_defaults(command=_run)

    plot = commands.add_parser("plot", help="draw the figures of a run", description="Draw the figures of a run.")
    plot.add_argument("folder", metavar="DIR", type=Path)
    plot.set_defaults(command=_plot)

    info = commands.add_parser("info", help="say what a results folder holds", description="Say what a run holds.")
    info.add_argument("place", metavar="DIR|FILE", type=Path)
    info.set_defaults(command=_info)

    check = commands.add_parser("check", help="test this machine", description="Test the machine it stands on.")
    check.set_defaults(command=_check)

    study = commands.add_parser("study", help="run a named study", description="Run a named study.")
    study.add_argument("name", metavar="NAME", nargs="?")
    study.add_argument("--list", action="store_true", help="list the studies")
    study.set_defaults(command=_study)
    return parser


def _run(options: Any) -> int:
    from copympi.model import hamiltonian
    from copympi.model.preparation import prepare
    from copympi.model.system import System
    from copympi.progress import Progress, Silent
    from copympi.simulate import run, warn_about
    from copympi.storage import results

    if options.resume:
        raise NotBuiltYet("--resume", True, "this version writes no checkpoints")
    comm = parallel.world()
    root = comm.rank == parallel.ROOT
    warnings.showwarning = _show_warning
    folder = options.output or Path(options.config.stem)

    def read() -> Any:
        config, text = configuration.read(options.config, options.set)
        try:
            matrix = hamiltonian.read(config.system.hamiltonian, options.config.parent)
            system = System(matrix, config.system.hbar, config.system.labels)
            p = config.preparation
            start = prepare(system.P, p.members, p.state, p.density, p.phase)
        except InputError as problem:
            raise problem.inside(options.config) from None
        results.open_folder(folder, options.overwrite)
        return config, text, system, start

    config, text, system, start = parallel.from_root(comm, read)
    with _results_on_root(comm, folder, config, text, system, start) as recorder:
        if root and not options.quiet:
            print(_headline(config, system, comm.size), flush=True)
        if root:
            warn_about(start, system)
        progress = Silent() if options.quiet or not root else Progress(config, options.progress)
        last, seconds = run(system, start, config, comm, [recorder] if root else [], progress)
        if root:
            recorder.finish(seconds, last)
    parallel.from_root(comm, lambda: _report(folder, options, seconds))
    return 0


class _Nothing:
    """What stands for the results file where there is none."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None: ...


def _results_on_root(comm: Any, folder: Path, config: Any, text: str, system: Any, start: Any) -> Any:
    """The results file, open on the root; a failure to open it is every rank's."""
    from copympi.check import mpi_name
    from copympi.storage.results import ResultsFile

    opened: list[ResultsFile] = []

    def open_it() -> None:
        opened.append(ResultsFile(folder, config, text, system, start, comm.size, mpi_name()))

    parallel.from_root(comm, open_it)
    return opened[0] if opened else _Nothing()


def _headline(config: Any, system: Any, ranks: int) -> str:
    d, p = config.dynamics, config.preparation
    replicas = f" x {d.replicas:,} replicas" if d.replicas > 1 else ""
    unit = f" {config.output.time_unit}" if config.output.time_unit else ""
    return (
        f"copympi {__version__}: {system.P} beables, {int(p.members):,} members{replicas} ({d.representation}), "
        f"{d.duration:g}{unit}, {ranks} rank{'s' if ranks > 1 else ''}"
    )


def _report(folder: Path, options: Any, seconds: float) -> None:
    """Table and figure; the root alone."""
    from copympi.report import analysis, plots
    from copympi.storage import results

    if options.quiet and options.no_figure:
        return
    data = results.read(folder)
    comparison = analysis.compare(data)
    paths = [] if options.no_figure else plots.draw(data, comparison)
    if options.quiet:
        return
    print("\n".join(analysis.lines(data, comparison)))
    copies, steps = float(data.events[:, -1].sum()), int(data.attributes["steps"])
    print(f"  {steps:,} steps, {copies:.4g} copies in {seconds:.2f} s of wall time")
    print("  " + ", ".join(str(path) for path in [data.path, *paths]), flush=True)


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"copympi: warning: {message}", file=sys.stderr, flush=True)


def _plot(options: Any) -> int:
    from copympi.report import plots
    from copympi.storage import results

    _writable(options.folder)
    for path in plots.draw(results.read(options.folder)):
        print(path)
    return 0


def _writable(folder: Path) -> None:
    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise InputError("DIR", folder, "cannot be written")


def _info(options: Any) -> int:
    from copympi.report.analysis import results_unit
    from copympi.storage import results

    data = results.read(options.place)
    a, (R, T, P) = data.attributes, data.occupation.shape
    unit = results_unit(data)
    done = "complete" if a["complete"] else "not complete: the run still goes on, or was stopped"
    print(f"{data.path}: {done}")
    print(f"  beables   {P}: {', '.join(data.system.labels[:8])}{', ...' if P > 8 else ''}")
    print(f"  members   {data.members:,}" + (f" in each of {R:,} replicas" if R > 1 else ""))
    print(f"  records   {T}, t = 0 .. {data.time[-1]:g} {unit}".rstrip())
    print(f"  copies    {float(data.events[:, -1].sum()):.6g}" + (f" in {a['steps']:,} steps" if "steps" in a else ""))
    print(f"  seed      {a['seed']}, ranks {a['ranks']}, {a['mpi']}, on {a['hostname']}")
    print(f"  started   {a['started']}" + (f", ended {a['ended']}, {a['seconds']:.3g} s" if "ended" in a else ""))
    print(f"  version   copympi {a['version']}, schema {a['schema']}, {a['libraries']}")
    print("  config")
    print("\n".join("    " + line for line in str(a["config"]).strip().splitlines()))
    return 0


def _check(_: Any) -> int:
    from copympi.check import check

    return 0 if check(parallel.world()) else 1


def _study(options: Any) -> int:
    if options.list:
        print("no studies in this version")
        return 0
    raise NotBuiltYet("NAME", options.name, "see `copympi study --list`")
