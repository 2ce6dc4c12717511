"""The stress tests of the core under sanitizers: `python -m tools.sanitize [address thread]`.

address -- tests/hotpath with address and undefined-behaviour sanitizers
thread -- tests/hotpath/test_threads.py with the thread sanitizer

Each builds the compiled core anew, instrumented, in a copy of the house. Then faults are planted in
that copy, and the same run must find them: a sanitizer that is not awake passes everything. Ends with
0 when all is clean and every planted fault was found, 1 when not, 2 on wrong use or without gcc.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("host", "controller", "tests/__init__.py", "tests/hotpath", "pyproject.toml")
CORE = (
    "words",
    "ring",
    "segment",
    "pool",
    "queue",
    "seqlock",
    "decision",
    "corebench",
    "corestress",
)
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter itself never frees everything
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:exitcode=66",
    "PYTHONMALLOC": "malloc",
    "BOT4_POOL_PAIRS": "200000",
    "BOT4_THREAD_PAIRS": "20000",
    "BOT4_HOTPATH_INPUTS": "5000",
}
# kind: (compiler flags, libraries that must be there first, what is run)
ADDRESS_TESTS = [
    "test_threads.py",
    "test_bad_input.py",
    "test_twins.py",
    "test_processes.py",
    "test_messages.py",
]
KINDS = {
    "address": (
        "-fsanitize=address,undefined -fno-sanitize-recover=undefined",
        ("libasan.so", "libubsan.so"),
        ADDRESS_TESTS,
    ),
    "thread": ("-fsanitize=thread", ("libtsan.so",), ["test_threads.py"]),
}
PLANTED = (
    # kind, file, what stands there, what is planted, what the sanitizer must say
    (
        "address",
        "host/hotpath/queue.pyx",
        "if length > self.item_bytes:",
        "if length > 1 << 20:",
        "AddressSanitizer: heap-buffer-overflow",
    ),
    (
        "address",
        "host/hotpath/pool.pyx",
        "bot4_or(self._full + (word >> 6), ONE << (word & 63))",
        "bot4_or(self._full + (word >> 6), ONE << word)",
        "runtime error: shift exponent",
    ),
    (
        "thread",
        "host/hotpath/atomics.h",
        "    return atomic_compare_exchange_strong_explicit(",
        "    if (*(volatile uint64_t *)word == expected) {\n"
        "        *(volatile uint64_t *)word = wanted;\n        return 1;\n    }\n    return 0;\n"
        "    return atomic_compare_exchange_strong_explicit(",
        "ThreadSanitizer: data race",
    ),
)
BUILD = """
from pathlib import Path
from Cython.Build import cythonize
from setuptools import Extension, setup
folder = Path("host/hotpath")
flags = {flags!r}.split()
setup(script_args=["build_ext", "--inplace"], ext_modules=cythonize([
    Extension(f"host.hotpath.{{file.stem}}", [str(file)], include_dirs=[str(folder)],
              depends=[str(folder / "atomics.h")],
              extra_compile_args=["-std=c11", "-O1", "-g", *flags], extra_link_args=flags)
    for file in [folder / f"{{name}}.pyx" for name in {core!r}]], language_level=3))
"""


def build(folder: Path, kind: str) -> None:
    """Copy what is needed into `folder` and compile it. Raises RuntimeError with the last line."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, target, ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__")
            )
        else:
            shutil.copy(source, target)
    compile_in(folder, kind)


def compile_in(folder: Path, kind: str) -> None:
    """Compile what changed. Raises RuntimeError with what the compiler said last."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format(flags=KINDS[kind][0], core=CORE)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the {kind} build failed: {done.stderr.strip().splitlines()[-1]}")


def run(folder: Path, kind: str, tests: list[str]) -> tuple[int, str]:
    """Run the tests of a build; return (exit code, everything printed)."""
    libraries = [library(name) for name in KINDS[kind][1]]
    environment = os.environ | OPTIONS | {
        "LD_PRELOAD": " ".join(libraries), "PYTHONPATH": str(folder)
    }  # fmt: skip
    names = [f"tests/hotpath/{name}" for name in tests]
    # Without random addresses: shadow memory has places of its own. Nothing is captured (-s), because
    # who is stopped by a sanitizer hands nothing over.
    command = ["setarch", "-R", sys.executable, "-m", "pytest", "-q", "-s", "-x",
               "-p", "no:cacheprovider", "--timeout", "900", *names]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def library(name: str) -> str:
    """Return where gcc keeps a sanitizer's library. Raises RuntimeError when it has none."""
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if "/" not in found:
        raise RuntimeError(f"gcc has no {name} (Debian: libgcc-12-dev)")
    return str(Path(found).resolve())


def check(kind: str) -> bool:
    """Run one kind clean, then with each of its faults; print what came out."""
    with tempfile.TemporaryDirectory(prefix="bot4-sanitize-") as name:
        folder = Path(name)
        build(folder, kind)
        code, said = run(folder, kind, KINDS[kind][2])
        print(f"{kind}: {'clean' if code == 0 else 'NOT clean'}: {summary(said)}", flush=True)
        if code:
            print(said)
            return False
        return all([plant(folder, *row) for row in PLANTED if row[0] == kind])


def plant(folder: Path, kind: str, file: str, there: str, instead: str, told: str) -> bool:
    """Plant one fault, run, take it out again; return whether it was found."""
    path = folder / file
    before = path.read_text()
    if before.count(there) != 1:
        raise RuntimeError(f"{file} has no single place for the planted fault: {there!r}")
    path.write_text(before.replace(there, instead))
    compile_in(folder, kind)
    _code, said = run(folder, kind, ["test_threads.py"])
    path.write_text(before)
    found = told in said
    print(
        f"{kind}: fault planted in {file}: {'found' if found else 'NOT found'} ({told})", flush=True
    )
    if not found:
        print(said)
    return found


def summary(said: str) -> str:
    """Return pytest's last line."""
    lines = [
        line
        for line in said.splitlines()
        if " in " in line and ("passed" in line or "failed" in line)
    ]
    return lines[-1].strip("= ") if lines else "no test ended"


def main(arguments: list[str]) -> int:
    """Check the kinds named, or all; return the exit code."""
    kinds = arguments or list(KINDS)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        print(
            f"sanitize: no sanitizer is called {unknown[0]!r}: {', '.join(KINDS)}", file=sys.stderr
        )
        return 2
    for tool in ("gcc", "setarch"):
        if shutil.which(tool) is None:
            print(f"sanitize: {tool} is not installed", file=sys.stderr)
            return 2
    try:
        return 0 if all([check(kind) for kind in kinds]) else 1
    except RuntimeError as error:
        print(f"sanitize: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
