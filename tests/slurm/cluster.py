"""A real SLURM of a few small hosts on this machine: slurmctld, an slurmd on each host, munge between them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.slurm import hosts
from tests.slurm.hosts import SWITCH, Network, address

COMMANDS = ("sbatch", "srun", "squeue", "sinfo", "scancel", "scontrol")
PROGRAMS = ("slurmctld", "slurmd", "munged", *COMMANDS, *hosts.PROGRAMS)
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # daemons are not on everyone's

CONFIG = """
ClusterName=box
SlurmctldHost=control
SlurmUser=root
SlurmdUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld
SlurmdLogFile={folder}/log/slurmd-%n
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
# a folder of each host's own: PMIx' files have the same names on all
TmpFS={folder}/tmp
AuthType=auth/munge
# a job that is requeued waits until its old credential has expired, 2 minutes by default
AuthInfo=socket={folder}/munge/socket,cred_expire=5
# no cgroups: the machine's are not ours
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
# jobs start at once, not at the next minute
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
# a silent host is given up after 10 s, and welcome again when it speaks
SlurmdTimeout=10
ReturnToService=2
# seconds from SIGTERM to SIGKILL
KillWait=5
# as many CPUs as the line below says, however many the machine has
SlurmdParameters=config_overrides
NodeName=node[1-{count}] NodeAddr={addresses} CPUs=4
PartitionName=main Nodes=ALL Default=YES MaxTime=60
"""


def missing(path: str = PATH) -> str:
    """What keeps a cluster from being started here; empty if nothing does."""
    absent = [] if os.geteuid() == 0 else ["root"]
    programs = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if programs:
        absent.append(f"{', '.join(programs)} (tests/provide-slurm)")
    if not absent:
        spaces = ("--net", "--mount", "--pid", "--fork")
        tried = subprocess.run(["unshare", *spaces, "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            absent.append(f"the right to make namespaces ({tried.stderr.strip()})")
    return "; ".join(absent)


class Cluster:
    """Hosts node1, node2, ... of 4 CPUs each and one that controls them, in a temporary folder of its own."""

    def __init__(self, count: int = 2) -> None:
        """Returns when all hosts are idle; raises RuntimeError, with the end of the logs, if they never are."""
        self.count, self.folder = count, Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)  # munge asks for it, here and below
        (self.folder / "munge").mkdir(mode=0o711)
        (self.folder / "state").mkdir()
        key = self.folder / "munge/key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        addresses = ",".join(address(number) for number in range(1, count + 1))
        config = self.folder / "slurm.conf"
        config.write_text(CONFIG.format(folder=self.folder, count=count, addresses=addresses))
        theirs = ("SLURM", "PMI", "OMPI_COMM")  # of a job that these tests may run in
        clean = {key: value for key, value in os.environ.items() if not key.startswith(theirs)}
        temporary = str(self.folder / "tmp")  # where each host has a folder of its own
        self.env = {**clean, "PATH": PATH, "SLURM_CONF": str(config), "TMPDIR": temporary}
        names = {SWITCH: "control", **{number: f"node{number}" for number in range(1, count + 1)}}
        try:
            self.network = Network(names, self.folder)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        try:
            self._start()
        except BaseException:
            self.down()
            raise

    def _start(self) -> None:
        control, munge = self.network.hosts[SWITCH], self.folder / "munge"
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{key}={munge / name}" for key, name in files.items()]
        control.start("munged", "--foreground", *options, env=self.env)
        self._wait(lambda: (munge / "socket").exists(), "munge")
        control.start("slurmctld", "-D", env=self.env)
        for number in range(1, self.count + 1):
            self._slurmd(number)
        self._wait(lambda: self.states() == ["idle"] * self.count, "idle hosts")

    def _slurmd(self, number: int) -> None:
        (self.folder / f"spool-node{number}").mkdir(exist_ok=True)
        self.network.hosts[number].start("slurmd", "-D", "-N", f"node{number}", env=self.env)

    def _wait(self, condition: Callable[[], bool], what: str, timeout: float = 120.0) -> None:
        start = time.monotonic()
        while not condition():
            if time.monotonic() > start + timeout:
                logs = [path for path in (self.folder / "log").iterdir() if path.stat().st_size]
                ends = [f"{path.name}:\n{path.read_text(errors='replace')[-2000:]}" for path in sorted(logs)]
                raise RuntimeError("\n".join((f"no {what} after {timeout:g} s", *ends)))
            time.sleep(0.1)

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A command of SLURM's, from `cwd` on the controlling host; what it says, errors too, is in `stdout`."""
        there = ["env", f"--chdir={cwd or self.folder}"]
        return subprocess.run(
            [*self.network.hosts[SWITCH].inside, *there, *command],
            env=self.env,
            timeout=300,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )

    def states(self) -> list[str]:
        """The hosts' states as sinfo has them; while it has none, what it says in place of them."""
        return self.run("sinfo", "-h", "-N", "-o", "%T").stdout.split()

    def crash(self, number: int) -> None:
        """Cut a host's power."""
        self.network.off(number)

    def revive(self, number: int) -> None:
        """Switch a crashed host on again."""
        self.network.on(number)
        self._slurmd(number)

    def cut(self, number: int) -> None:
        """Pull a host's network cable out."""
        self.network.cut(number)

    def join(self, number: int) -> None:
        """Plug a host's network cable in."""
        self.network.join(number)

    def mend(self) -> None:
        """Switch on every host and plug its cable in, whatever a test has left."""
        for number in range(1, self.count + 1):
            if number in self.network.hosts:
                self.join(number)
            else:
                self.revive(number)

    def down(self) -> None:
        """End all of it, whatever state it is in."""
        self.network.down()
        shutil.rmtree(self.folder, ignore_errors=True)
