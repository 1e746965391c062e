"""Damage to files, drawn with a seed, and what becomes of a reader: each case in a process of its own."""

from __future__ import annotations

import faulthandler
import os
import random
import resource
import signal
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

SECONDS, MEMORY = 2, 8 << 30
"""Computing time and address space of one case."""
HOW = ("flip", "byte", "zeros", "noise", "swap", "copy", "cut", "signature", "insert")


def damaged(dice: random.Random, content: bytes) -> tuple[str, bytes]:
    """What is done to a file, and the file after it; never the file as it was."""
    while True:
        how, out = dice.choice(HOW), bytearray(content)
        at, size = dice.randrange(len(out)), dice.choice((1, 4, 8, 64, 512, 4096))
        if how == "flip":
            for _ in range(dice.choice((1, 1, 1, 3))):
                out[dice.randrange(len(out))] ^= 1 << dice.randrange(8)
        elif how == "byte":
            out[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        elif how == "zeros":
            out[at : at + size] = bytes(len(out[at : at + size]))
        elif how == "noise":
            out[at : at + size] = dice.randbytes(len(out[at : at + size]))
        elif how in ("swap", "copy"):
            other = dice.randrange(len(out))
            one, two = out[at : at + size], out[other : other + size]
            if len(one) == len(two) and abs(at - other) >= size:
                out[at : at + size] = two
                if how == "swap":
                    out[other : other + size] = one
        elif how == "cut":
            del out[at:]
        elif how == "signature":
            out[dice.randrange(min(48, len(out)))] ^= 1 << dice.randrange(8)
        elif how == "insert":
            out[at:at] = dice.randbytes(size)
        if bytes(out) != content:
            return how, bytes(out)


def befalls(read: Callable[[], str]) -> str:
    """What `read` says, in a process of its own; "crash SIGSEGV", "hang", or "exception ..." where it says nothing."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what a dying C library says
        warnings.simplefilter("error")
        try:
            said = read()
        except BaseException as problem:
            said = f"exception {type(problem).__name__}: {problem}"
        os.write(theirs, said.encode("utf-8", "replace")[:4000])
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "hang" if number == signal.SIGXCPU else f"crash {signal.Signals(number).name}"
    return said


def dose(
    content: bytes, place: Path, read: Callable[[Path], str], cases: int, seed: int, keep: Path | None = None
) -> Counter[str]:
    """So many damaged copies of a file at `place`, each read: what befell, by its first word, and how often.

    keep : a folder for the files that crash or hang.
    """
    dice, count = random.Random(seed), Counter[str]()
    for k in range(cases):
        how, bad = damaged(dice, content)
        place.write_bytes(bad)
        said = befalls(lambda: read(place))
        word = said.split()[0] if said else "nothing"
        count[word] += 1
        if word in ("crash", "hang", "exception", "unnoticed") and keep is not None:
            keep.mkdir(exist_ok=True)
            (keep / f"{word}-{seed}-{k}-{how}{place.suffix}").write_bytes(bad)
            (keep / f"{word}-{seed}-{k}-{how}.txt").write_text(said)
    return count
