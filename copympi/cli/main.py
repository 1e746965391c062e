"""The command line. Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped early after a checkpoint."""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from copympi import __version__, interrupt, last_words, mpi
from copympi.citation import cite
from copympi.cli.terminal import make_lasting
from copympi.errors import DynamicsError, InputError, MachineError, StoppedEarly
from copympi.launcher import launched
from copympi.text import one_line, out_of_memory

GIVE = "give a key another value, e.g. dynamics.seed=2"  # the help of --set


class UsageError(Exception):
    """A command line that makes no sense: exit code 2."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, once for all ranks."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its code, the same on every rank.

    Whatever goes wrong on some ranks alone, the others do not wait for them for ever: see `mpi.leave`.
    """
    make_lasting()
    code, said = 1, ""
    try:
        options = parser().parse_args(arguments)
        if options.command is not _run:  # a run says by itself what an interrupt means to it
            interrupt.as_usual()
        code = options.command(options)
    except (InputError, UsageError) as problem:
        code, said = 2, f"error: {problem}"
    except (DynamicsError, MachineError) as problem:
        said = f"error: {problem}"
    except MemoryError as problem:
        said = f"error: {out_of_memory(problem)}"
    except StoppedEarly as stop:
        code, said = 3, str(stop)
    except KeyboardInterrupt:
        said = "interrupted"
    except Exception:
        print(traceback.format_exc(), file=sys.stderr, flush=True)
        _end_job()
    if said and launched()[1] == 0:
        print(f"copympi: {one_line(said)}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    sys.stderr.flush()
    if code:
        mpi.leave(code, said)
    sys.exit(code)


def _end_job() -> None:
    """End the other ranks too, if there are any: they may wait for this one for ever."""
    try:
        comm = mpi.world()
    except (InputError, MachineError):
        return
    if comm.size > 1:
        last_words.say(f"copympi: rank {comm.rank} failed; the whole job ends")
        comm.Abort(1)


def parser() -> Parser:
    """The parser of the whole command line; the reference of docs/ is made from it."""
    parser = Parser(prog="copympi", description="Copy dynamics: Smolin's real-ensemble theory, on many cores.")
    parser.add_argument("--version", action="version", version=f"copympi {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    run = commands.add_parser("run", help="run a config, under any launcher", description="Run a config.")
    run.add_argument("config", metavar="CONFIG.toml", type=Path, help="what to run")
    run.add_argument("-o", "--output", metavar="DIR", type=Path, help="results folder (default: the config's stem)")
    run.add_argument("--set", metavar="SECTION.KEY=VALUE", action="append", default=[], help=GIVE)
    run.add_argument("--resume", action="store_true", help="continue from the newest checkpoint, if there is one")
    run.add_argument("--time-budget", metavar="55min", help="stop in time after a checkpoint (in a batch job: its end)")
    run.add_argument("--writer", choices=("auto", "mpio", "root"), default="auto", help="who writes checkpoints")
    run.add_argument("--patience", metavar="30min", default="30min", help="end the job where a rank hangs so long")
    run.add_argument("--overwrite", action="store_true", help="replace a finished run in DIR")
    run.add_argument("--quiet", action="store_true", help="print errors only")
    run.add_argument("--progress", choices=("auto", "bar", "lines"), default="auto", help="how to show progress")
    run.add_argument("--no-figure", action="store_true", help="leave the figure to `copympi plot`")
    run.add_argument("--dry-run", action="store_true", help="check all, say what the run takes, write nothing")
    run.add_argument("--ranks", metavar="N", type=int, help="with --dry-run: what N ranks would say to each other")
    run.set_defaults(command=_run)

    plot = commands.add_parser("plot", help="draw the figures of a run", description="Draw the figures of a run.")
    plot.add_argument("folder", metavar="DIR", type=Path, help="results of a run, or of a study")
    plot.set_defaults(command=_plot)

    info = commands.add_parser("info", help="say what a results folder holds", description="Say what a run holds.")
    info.add_argument("place", metavar="DIR|FILE", type=Path, help="results folder, or one checkpoint")
    info.set_defaults(command=_info)

    rerun = commands.add_parser("rerun", help="make a run again, and compare its bits", description="Make a run again.")
    rerun.add_argument("folder", metavar="DIR", type=Path, help="results of a finished run")
    rerun.add_argument("--files", metavar="FOLDER", type=Path, help="where the config's files are (default: here)")
    rerun.set_defaults(command=_rerun)

    citing = commands.add_parser("cite", help="say how to cite copympi", description="BibTeX of copympi and the paper.")
    citing.set_defaults(command=_cite)

    check = commands.add_parser("check", help="test this machine", description="Test the machine it stands on.")
    check.set_defaults(command=_check)

    study = commands.add_parser("study", help="run a named study", description="Run a named study.")
    study.add_argument("name", metavar="NAME", nargs="?", help="which study")
    study.add_argument("--list", action="store_true", help="list the studies")
    study.add_argument("-o", "--output", metavar="DIR", type=Path, help="results folder (default: study-NAME)")
    study.add_argument("--quick", action="store_true", help="small sizes: seconds instead of minutes")
    study.add_argument("--replicas", metavar="R", type=int, help="ensembles a case (the largest cases take half)")
    study.add_argument("--seed", type=int, default=1, help="seed of all random numbers")
    study.add_argument("--resume", action="store_true", help="go on: cases that are done are not run again")
    study.add_argument("--overwrite", action="store_true", help="replace this study in DIR, finished or not")
    study.add_argument("--time-budget", metavar="55min", help="start no case that may not end in time")
    study.set_defaults(command=_study)

    sweep = commands.add_parser("sweep", help="run many configs in one job", description="Run many configs in one job.")
    which = "a config, or the folder of a sweep to go on with"
    sweep.add_argument("config", metavar="CONFIG.toml|DIR", type=Path, help=which)
    sweep.add_argument("--over", metavar="SECTION.KEY=V1,V2,...", action="append", default=[], help="sweep a key")
    sweep.add_argument("--seeds", metavar="K", type=int, help="K seeds for each, from the config's own on")
    sweep.add_argument("-o", "--output", metavar="DIR", type=Path, help="folder (default: the config's stem, -sweep)")
    sweep.add_argument("--set", metavar="SECTION.KEY=VALUE", action="append", default=[], help=GIVE + ", in all runs")
    sweep.add_argument("--points", metavar="NAME", nargs="+", help="one or several folders in DIR/workspace alone")
    sweep.add_argument("--ranks", choices=("auto", "one", "all"), default="auto", help="how many ranks carry a run")
    sweep.add_argument("--resume", action="store_true", help="go on (it always does)")
    sweep.add_argument("--time-budget", metavar="55min", help="stop in time (in SLURM: the job's end)")
    sweep.add_argument("--patience", metavar="30min", default="30min", help="end the job where a rank hangs so long")
    sweep.add_argument("--quiet", action="store_true", help="print errors only")
    sweep.add_argument("--progress", choices=("auto", "bar", "lines"), default="auto", help="how to show progress")
    sweep.set_defaults(command=_sweep)

    collect = commands.add_parser("collect", help="one table of a sweep", description="Make one table of a sweep.")
    collect.add_argument("folder", metavar="DIR", type=Path, help="folder of a sweep")
    collect.set_defaults(command=_collect)
    return parser


# imported when they are asked for: together they take most of a second
def _run(options: Any) -> int:
    from copympi.cli.run import execute

    return execute(options)


def _plot(options: Any) -> int:
    from copympi.cli.info import plot

    return plot(options)


def _info(options: Any) -> int:
    from copympi.cli.info import info

    return info(options)


def _rerun(options: Any) -> int:
    from copympi.cli.rerun import rerun

    return rerun(options)


def _cite(_: Any) -> int:
    if launched()[1] == 0:
        print(cite(), end="")
    return 0


def _check(_: Any) -> int:
    from copympi.cli.check import check

    return 0 if check(mpi.world()) else 1


def _study(options: Any) -> int:
    from copympi.cli.study import study

    return study(options)


def _sweep(options: Any) -> int:
    from copympi.cli.sweep import sweep

    return sweep(options)


def _collect(options: Any) -> int:
    from copympi.cli.sweep import collect

    return collect(options)
