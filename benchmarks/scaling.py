"""python benchmarks/scaling.py [--slurm]: 1, 2, 4, 8 ranks on this machine, beside a model of what they should take.

Each number of ranks is one job (benchmarks/scaling_rank.py), which measures the network first: the model is made of
that and of the times on one rank. Where there are more ranks than cores the table says "oversubscribed". `--slurm`:
besides, on the two hosts of the tests' cluster (as root), and there with a cable of CABLE bits a second. What fails is
said, and the rest goes on. Some three minutes; `--only CASE ...` takes fewer cases.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.launch import family, kill, openmpi

REPO = Path(__file__).resolve().parents[1]
RANK = REPO / "benchmarks/scaling_rank.py"
RANKS, PATIENCE, BUDGET = (1, 2, 4, 8), 150.0, 400.0
"""Numbers of ranks; seconds for a job; and those after which no other is begun."""
BEGAN = time.monotonic()
CORES = len(os.sched_getaffinity(0))
CABLE = "200mbit"
WORDS = {"strong": "the same work in all", "weak": "the same work a rank"}

Line = dict[str, Any]


def lines(command: list[str], env: dict[str, str], patience: float = PATIENCE) -> Iterator[Line]:
    """What a job measures, as it comes; what fails is said."""
    job = subprocess.Popen(
        command, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = job.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        kill(family(job.pid))
        out, err = job.communicate()
        print(f"  no end after {patience:g} s: {' '.join(command[:4])} ...", flush=True)
    if job.returncode and err:
        print("  " + "\n  ".join(err.strip().splitlines()[-3:]), flush=True)
    for line in out.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def environment(ranks: int) -> dict[str, str]:
    more = {"PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **openmpi(ranks), **more}


def late(ranks: int) -> bool:
    """Whether there is no time left for another job; says so."""
    if time.monotonic() < BEGAN + BUDGET:
        return False
    print(f"  {ranks} ranks: left out, {BUDGET:g} s have passed", flush=True)
    return True


def here(ranks: int, cases: list[str]) -> list[Line]:
    """A job of so many ranks on this machine."""
    if late(ranks):
        return []
    began = time.perf_counter()
    mpiexec = [] if ranks == 1 else [str(Path(sys.prefix) / "bin/mpiexec"), "-n", str(ranks)]
    found = list(lines([*mpiexec, sys.executable, str(RANK), *cases], environment(ranks)))
    print(f"  {ranks} ranks: {len(found)} measurements in {time.perf_counter() - began:.0f} s", flush=True)
    return found


def predicted(line: Line, alone: Line, network: Line | None, cores: int) -> tuple[float, float]:
    """Of a step by the model, wall time and processor time of all ranks: work on one rank, and what is said.

    alone : the same case on one rank, of as much work in all (strong) or a rank (weak).
    """
    ranks = line["ranks"]
    times = ranks if line["mode"] == "weak" and line["case"] != "replicas" else 1  # a replica's step is the same work
    wall, cpu = alone["wall"] * times / min(ranks, cores), alone["cpu"] * times
    if network is not None:
        for said, of in (("calls", "call"), ("messages", "message"), ("sent", "byte")):
            wall += line[said] * network[of]
            cpu += line[said] * network[f"cpu_{of}"] * ranks
    return wall, cpu


def table(found: list[Line], cores: int) -> None:
    """Each case on every number of ranks, measured, and by the model in parentheses; and what is said."""
    networks = {line["ranks"]: line for line in found if line["case"] == "network"}
    for line in networks.values():
        print(
            f"  {line['ranks']} ranks: a sum of 128 bytes {1e6 * line['call']:.0f} us ({1e6 * line['cpu_call']:.0f} of "
            f"processor time), a message of 8 bytes {1e6 * line['message']:.0f} us, "
            f"{1e-9 / max(line['byte'], 1e-15):.2f} GB/s"
        )
    lines = {(line["case"], line["mode"], line["ranks"]): line for line in found if line["case"] != "network"}
    alone = {(name, mode): line for (name, mode, ranks), line in lines.items() if ranks == 1}
    numbers = sorted({ranks for *_, ranks in lines})
    head = "".join(f" {ranks}{' oversubscribed' if ranks > cores else ''} |" for ranks in numbers)
    for k, what in enumerate(("wall time", "processor time of all ranks")):
        print(f"\n| a step's {what}, ms; in parentheses: model |{head}\n|---|{'---|' * len(numbers)}")
        for (name, mode), one in alone.items():
            cells = []
            for ranks in numbers:
                there = lines.get((name, mode, ranks))
                if there is None:
                    cells.append("failed")
                    continue
                times = predicted(there, one, networks.get(ranks), cores)
                model = "" if ranks == 1 else f" ({1e3 * times[k]:.3g})"
                cells.append(f"{1e3 * there[('wall', 'cpu')[k]]:.3g}{model}")
            print(f"| {name}, {WORDS[mode]} | {' | '.join(cells)} |", flush=True)
    print(f"\n| what a rank says in a step: calls, messages, bytes of these |{head}\n|---|{'---|' * len(numbers)}")
    for name, mode in alone:
        cells = []
        for ranks in numbers:
            said = lines.get((name, mode, ranks))
            cells.append("failed" if said is None else in_words(said))
        print(f"| {name}, {WORDS[mode]} | {' | '.join(cells)} |", flush=True)


def in_words(said: Line) -> str:
    return f"{said['calls']:.2g}, {said['messages']:.3g}, {size(said['sent'])}"


def size(count: float) -> str:
    return f"{count:.0f} B" if count < 1e4 else f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def crowded(found: list[Line], cores: int) -> None:
    """How much longer the same work takes on more ranks than cores than on one rank a core."""
    times = {(line["case"], line["ranks"]): line["wall"] for line in found if line["mode"] == "strong"}
    print(f"\n| more ranks than cores ({cores}), the same work | ranks | wall time / that on {cores} ranks |")
    print("|---|---|---|")
    for (name, ranks), wall in times.items():
        if ranks > cores and (name, cores) in times:
            print(f"| {name} | {ranks} oversubscribed | {wall / times[name, cores]:.2f} |", flush=True)


def on_two_hosts(alone: list[Line], cases: list[str]) -> None:
    """The same on the hosts of the tests' cluster, which share this machine's cores, with a free and a slow cable."""
    from tests.slurm.cluster import Cluster, missing

    if missing():
        print(f"no two hosts: {missing()}", flush=True)
        return
    box = Cluster(2)
    try:
        for cable in ("free", CABLE):
            if cable != "free":
                slow(box)
            print(f"\ntwo hosts on this machine's {CORES} cores, cable {cable}", flush=True)
            found = [*alone, *(line for ranks in (2, 4) for line in across(box, ranks, cases))]
            table(found, CORES)
    finally:
        box.down()


def across(box: Any, ranks: int, cases: list[str]) -> list[Line]:
    """A job of so many ranks on two hosts."""
    if late(ranks):
        return []
    job = ["srun", "--mpi=pmi2", "-N2", f"-n{ranks}", "--export=ALL"]
    env = [f"{key}={value}" for key, value in environment(ranks).items() if key.startswith(("PYTHON", "OMP", "OPENB"))]
    for _ in range(2):  # UCX does not always find the other host at once
        try:
            done = box.run("env", *env, *job, sys.executable, str(RANK), *cases, cwd=REPO)
        except subprocess.TimeoutExpired:
            print(f"  no end on {ranks} ranks", flush=True)
            return []
        if not done.returncode:
            break
        print("  " + "\n  ".join(done.stdout.strip().splitlines()[-3:]), flush=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def slow(box: Any) -> None:
    """Let no more than CABLE bits a second through each host's cable."""
    for number in (1, 2):
        limit = f"tc qdisc add dev eth0 root tbf rate {CABLE} burst 64kb latency 50ms"
        subprocess.run([*box.network.hosts[number].network, *limit.split()], check=True, timeout=60)


def main() -> None:
    from benchmarks.scaling_rank import CASES

    parser = argparse.ArgumentParser()
    parser.add_argument("--slurm", action="store_true")
    usual = [name for name in CASES if name != "phases at once"]
    parser.add_argument("--only", nargs="+", choices=usual, default=usual)
    parser.add_argument("--ranks", nargs="+", type=int, default=RANKS)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {CORES} cores", flush=True)
    found = [line for ranks in options.ranks for line in here(ranks, options.only)]
    table(found, CORES)
    crowded(found, CORES)
    if options.slurm:
        chosen = [name for name in options.only if name in ("members", "phases", "lattice")]
        chosen += ["phases at once"] if "phases" in chosen else []
        alone = [line for line in found if line["ranks"] == 1 and line["case"] in chosen]
        alone += [{**line, "case": "phases at once"} for line in alone if line["case"] == "phases"]
        on_two_hosts(alone, chosen)


if __name__ == "__main__":
    main()
