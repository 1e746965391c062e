"""What a path leads to, looked at before it is opened: whoever opens a named pipe may wait for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

KINDS = {
    stat.S_IFIFO: "a named pipe (FIFO), not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
    stat.S_IFSOCK: "a socket, not a file",
}


def check(path: Path, pipes: bool = False) -> None:
    """OSError that says why where `path` is no file to be read; a pipe from another process will do with `pipes`."""
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if pipes and stat.S_ISFIFO(mode) and os.path.realpath(path).startswith("/proc/"):  # <(command), or standard input
        return
    raise OSError(errno.EINVAL, KINDS.get(stat.S_IFMT(mode), "not a file"))
