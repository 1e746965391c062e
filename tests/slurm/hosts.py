"""Small hosts on one machine, joined by a switch, that lose their power or their cable when a test says so.

A host is a set of Linux namespaces: a network, processes, a name, /dev/shm and a folder for temporary files of its own.
All else, above all the file system, is the machine's. A host runs while its first process can read from us; when that
one ends the kernel kills all others in the host. So nothing outlives the tests, however they end. Needs root.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

PROGRAMS = ("unshare", "nsenter", "ip", "mount", "hostname")
SWITCH = 254
"""The number of the host that all cables lead to."""

BOOT = """
set -eu
hostname "$1"
mount --bind "$2/hosts" /etc/hosts
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp "$2/tmp"
ip link set lo up
echo up
cat >/dev/null
exit  # a shell that is not replaced by cat buries the host's orphans
"""


def address(number: int) -> str:
    """A host's address in the network that the hosts share."""
    return f"10.77.0.{number}"


class Host:
    """A host without a network. `folder` holds `hosts`, its /etc/hosts, `tmp`, an empty folder, and `log`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.log = name, folder / "log"
        own = ("--net", "--ipc", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        with open(self.log / f"{name}.boot", "w") as said:
            self.first = subprocess.Popen(
                ["unshare", *own, "sh", "-c", BOOT, "boot", name, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )
        self.daemons: list[subprocess.Popen[bytes]] = []
        assert self.first.stdout
        if self.first.stdout.readline() != b"up\n":
            self.off()
            raise RuntimeError(f"{name} does not start: {(self.log / f'{name}.boot').read_text()}")
        spaces = f"/proc/{self.first.pid}/ns"
        self.network = ["nsenter", f"--net={spaces}/net", "--"]
        """What stands before a command to run it on this host's network, but outside of it."""
        others = [f"--{each}={spaces}/{each}" for each in ("net", "ipc", "uts")]
        self.inside = ["nsenter", *others, f"--mount={spaces}/mnt", f"--pid={spaces}/pid_for_children", "--"]
        """What stands before a command to run it on this host."""

    def start(self, *command: str, env: dict[str, str]) -> None:
        """A daemon of this host, which stays in the foreground; what it says goes to the folder of logs."""
        with open(self.log / f"{self.name}.{Path(command[0]).name}", "ab") as said:
            self.daemons.append(
                subprocess.Popen(
                    [*self.inside, *command],
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                )
            )

    def off(self) -> None:
        """The power fails: when this returns none of the host's processes is left."""
        assert self.first.stdin
        assert self.first.stdout
        self.first.stdin.close()
        for process in (self.first, *self.daemons):
            process.wait(60)
        self.first.stdout.close()


class Network:
    """Hosts with numbers from 1, whose cables lead to a switch; the switch is a host too."""

    def __init__(self, names: dict[int, str], folder: Path) -> None:
        """`names` holds the switch's as well; `folder` is used as in `Host`."""
        self.names, self.folder = names, folder
        self.hosts: dict[int, Host] = {}
        (folder / "log").mkdir()
        (folder / "tmp").mkdir()
        known = "".join(f"{address(number)} {name}\n" for number, name in names.items())
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n{known}")
        try:
            switch = self.hosts[SWITCH] = Host(names[SWITCH], folder)
            ip(switch, "link add bridge type bridge")
            ip(switch, f"address add {address(SWITCH)}/24 dev bridge")
            ip(switch, "link set bridge up")
            for number in names:
                if number != SWITCH:
                    self.on(number)
        except BaseException:
            self.down()
            raise

    def on(self, number: int) -> Host:
        """Switch on a host, its cable plugged in."""
        switch, host = self.hosts[SWITCH], Host(self.names[number], self.folder)
        self.hosts[number] = host
        # always the same hardware address: the others may still remember it from before a power cut
        peer = f"name eth0 address 02:00:00:00:00:{number:02x} netns {host.first.pid}"
        ip(switch, f"link add cable{number} type veth peer {peer}")
        ip(switch, f"link set cable{number} master bridge up")
        ip(host, f"address add {address(number)}/24 dev eth0")
        ip(host, "link set eth0 up")
        return host

    def off(self, number: int) -> None:
        """A power cut: the others hear nothing of a host's end, not even that its connections are closed."""
        ip(self.hosts[SWITCH], f"link delete cable{number}")
        self.hosts.pop(number).off()

    def cut(self, number: int) -> None:
        """Pull a host's cable out."""
        ip(self.hosts[SWITCH], f"link set cable{number} down")

    def join(self, number: int) -> None:
        """Plug a host's cable in, if it is out."""
        ip(self.hosts[SWITCH], f"link set cable{number} up")

    def down(self) -> None:
        """Switch off everything, whatever state it is in."""
        for host in self.hosts.values():
            host.off()
        self.hosts.clear()


def ip(host: Host, arguments: str) -> None:
    """`ip ARGUMENTS` for a host's network; raises CalledProcessError."""
    subprocess.run([*host.network, "ip", *arguments.split()], check=True, timeout=60)
