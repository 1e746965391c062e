"""The cluster of the tests of jobs/: what is missing is said, cables and power go when told, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.slurm.box import Box, need, until
from tests.slurm.cluster import missing
from tests.slurm.hosts import SWITCH, Host, Network, address

NAMES = {SWITCH: "switch", 1: "one", 2: "two"}
NOBODY = 65534


@contextmanager
def without_root() -> Iterator[None]:
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]) -> None:
    monkeypatch.setenv("CI", ci)
    with without_root(), pytest.raises(outcome, match="missing: root"):
        Box()


def test_absent_programs_are_named(tmp_path: Path) -> None:
    assert "slurmctld, slurmd, munged, sbatch," in missing(str(tmp_path))
    assert missing(str(tmp_path)).endswith("(tests/provide-slurm)")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    absent = missing()
    need(not absent, absent)
    made = Network(NAMES, tmp_path)
    try:
        yield made
    finally:
        made.down()


def hears(host: Host, number: int) -> bool:
    """Whether a host gets any answer from another: a refused connection is one."""
    call = "import socket, sys; sys.exit(socket.socket().connect_ex((sys.argv[1], 9)) != 111)"
    command = [*host.inside, "timeout", "2", sys.executable, "-c", call, address(number)]
    return subprocess.run(command, check=False).returncode == 0


def test_cables_and_power(network: Network) -> None:
    one = network.hosts[1]
    name = subprocess.run([*one.inside, "hostname"], capture_output=True, text=True, check=True)
    assert name.stdout == "one\n"
    assert hears(one, 2)
    network.cut(2)
    assert not hears(one, 2)
    network.join(2)
    assert hears(one, 2)
    network.hosts[2].start("sleep", "1000", env=dict(os.environ))
    daemon = network.hosts[2].daemons[0]
    network.off(2)
    assert daemon.poll() is not None
    network.on(2)
    assert hears(one, 2)


def test_hosts_end_with_the_tests(tmp_path: Path) -> None:
    """Even if nobody is left to switch them off."""
    absent = missing()
    need(not absent, absent)
    made = f"from tests.slurm.hosts import *; import signal, sys; made = Network({NAMES}, Path(sys.argv[1]))"
    tell = "print(*(host.first.pid for host in made.hosts.values()), flush=True); signal.pause()"
    owner = subprocess.Popen(
        [sys.executable, "-c", f"{made}; {tell}", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout
    with owner, owner.stdout:
        first = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(first) == 3
        assert all(Path(f"/proc/{pid}").exists() for pid in first)
        owner.send_signal(signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in first), 60, "end of the hosts")
