"""Do results keep their bits when other compilers, with other options, build the kernels? `python tools/bits.py`.

For each variant all kernels are compiled into a copy of the package, the small runs of tests/golden.py are made with
it, and what they record is compared with tests/golden.json, byte for byte. A few minutes of computing time a variant:

    python tools/bits.py                                  # every variant that this machine can build and run
    python tools/bits.py --variant "clang -O2" --case "counts, P = 8" --into /tmp/variants

First tools/digests.c, all functions of our own, is compiled by every compiler there is, for musl's C library and for
aarch64 too (musl-gcc; aarch64-linux-gnu-gcc, qemu-aarch64): its digests must be the same. `--functions` does no more.

C sources must be there: `python setup.py build_ext --inplace` leaves them in build/cython. Kernels built before for a
variant are kept in the folder --into and built again where a source or a header is newer.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
ALWAYS = "-g0 -fPIC -fwrapv -DNDEBUG -ffp-contract=off -fno-math-errno -DNPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION"
"""What setup.py gives every kernel, and Python every extension."""
ASKED = re.compile(r"^# distutils: extra_compile_args = (.*)$", re.MULTILINE)
"""What a kernel is given besides, as its first lines ask for it."""
VARIANTS = [
    "gcc -O1", "gcc -O2", "gcc -O3", "gcc -O3 -march=x86-64-v3", "gcc -O3 -march=x86-64-v4", "clang -O1", "clang -O2",
    "clang -O3", "clang -O3 -march=x86-64-v3", "clang -O3 -march=x86-64-v4",
]  # fmt: skip
FUNCTIONS = [
    *VARIANTS, "musl-gcc -O2 -static -U__gnu_linux__", "aarch64-linux-gnu-gcc -O2 -static",
    "aarch64-linux-gnu-gcc -O3 -static",
]  # fmt: skip
"""How tools/digests.c is compiled. GCC for musl does not say that it is for GNU's C library; the wrapper forgets."""
EMULATOR = {"aarch64-linux-gnu-gcc": ["qemu-aarch64"]}
FEATURE = {"-march=x86-64-v3": "avx2", "-march=x86-64-v4": "avx512f"}
"""What a CPU must have to run it, as /proc/cpuinfo names it."""


def possible(variant: str) -> bool:
    """Whether this machine has the compiler, and a CPU that runs what it makes."""
    compiler, *options = shlex.split(variant)
    flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    needed = [compiler, *EMULATOR.get(compiler, [])]
    return all(map(shutil.which, needed)) and all(FEATURE[o] in flags for o in options if o in FEATURE)


def build(variant: str, folder: Path) -> None:
    """A copy of the package and of the tests in `folder`, with kernels that `variant` made."""
    from tests.other_build import compiled

    for part in ("copympi", "tests"):
        shutil.copytree(
            ROOT / part, folder / part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
    names = sorted(path.stem for path in (ROOT / "cython_src").glob("*.pyx"))  # the folder may have C of older ones
    sources = [path for name in names if (path := ROOT / "build" / "cython" / "cython_src" / f"{name}.c").exists()]
    if not sources:
        raise SystemExit("no C sources in build/cython: `python setup.py build_ext --inplace` makes them")
    headers = max(path.stat().st_mtime for path in (ROOT / "cython_src").glob("*.h"))
    for source in sources:
        made = folder / "copympi" / "kernels" / f"{source.stem}{sysconfig.get_config_var('EXT_SUFFIX')}"
        if made.exists() and made.stat().st_mtime > max(headers, source.stat().st_mtime):
            continue
        asked = ASKED.findall((ROOT / "cython_src" / f"{source.stem}.pyx").read_text())
        compiled([*shlex.split(variant), *ALWAYS.split(), *" ".join(asked).split()], source, made)


def judged(folder: Path, cases: list[str]) -> list[str]:
    """What the variant in `folder` records otherwise than tests/golden.json has it, a line each."""
    from tests import golden

    chosen = [part for case in cases for part in ("--case", case)]
    command = [sys.executable, "-m", "tests.golden", *chosen]
    env = {**os.environ, **golden.settled(), "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        return [done.stderr.strip().splitlines()[-1]]
    known = json.loads(golden.FILE.read_text())["digests"]
    return golden.differences({case: known[case] for case in cases or known}, json.loads(done.stdout))


def of_functions(variant: str, folder: Path, arguments: int) -> str:
    """What tools/digests.c prints where `variant` compiled it."""
    compiler, *options = shlex.split(variant)
    made = folder / "digests"
    command = [compiler, *options, *ALWAYS.split(), f"-I{ROOT / 'cython_src'}", str(ROOT / "tools" / "digests.c")]
    subprocess.run([*command, "-o", str(made), "-lm"], check=True)
    run = [*EMULATOR.get(compiler, []), str(made), str(arguments)]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout


def functions(folder: Path, arguments: int) -> bool:
    """Whether all functions give the same bits, of so many arguments, wherever they can be compiled and run."""
    folder.mkdir(parents=True, exist_ok=True)
    same, first = True, ""
    for variant in filter(possible, FUNCTIONS):
        found = of_functions(variant, folder, arguments)
        first = first or found
        off = [a.split()[0] for a, b in zip(found.splitlines(), first.splitlines(), strict=True) if a != b]
        same = same and not off
        print(f"functions, {variant}: {'same bits' if not off else 'other bits in ' + ', '.join(off)}", flush=True)
    return same


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tools/bits.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--variant", action="append", help=f"a compiler with options (may be repeated); {VARIANTS}")
    parser.add_argument("--case", action="append", default=[], help="this case alone (may be repeated)")
    parser.add_argument("--into", type=Path, help="keep what is built here")
    parser.add_argument("--arguments", type=int, default=50_000, help="how many each function is tried with")
    parser.add_argument("--functions", action="store_true", help="functions alone, no runs")
    options = parser.parse_args()
    into = options.into or Path(tempfile.mkdtemp(prefix="copympi-bits-"))
    failed = not options.variant and not functions(into, options.arguments)
    if options.functions:
        raise SystemExit(failed)
    for variant in options.variant or VARIANTS:
        if not possible(variant):
            print(f"{variant}: not run, this machine has no such compiler or CPU", flush=True)
            continue
        folder = into / "".join(c if c.isalnum() else "-" for c in variant)
        build(variant, folder)
        wrong = judged(folder, options.case)
        failed = failed or bool(wrong)
        print(f"{variant}: {'same bits' if not wrong else f'{len(wrong)} differences'}", flush=True)
        print("".join(f"    {line}\n" for line in wrong), end="", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
