"""Builds and loads pioclock, the run loop for rp2040py's chip.

rp2040py's own loop gives a PIO block one step per CPU instruction, so state machines lose cycles
beside multi-cycle instructions and stand still while the CPU sleeps. pioclock.cpp drives the same
chip object with PIO exact to the cycle; it is built against the headers that rp2040py ships, on first
use, and kept in a cache folder.
"""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import rp2040py

from rig.emulated.errors import EmulatorError

EMULATOR = "1.0.0b1"
TICKS = 16  # clock ticks per nanosecond
SOURCES = ("pioclock.cpp", "stepping.hpp", "loops.hpp", "chip.hpp")
FLAGS = ("-std=c++17", "-O2", "-fno-exceptions", "-fno-rtti", "-fPIC", "-shared")


class Edge(ctypes.Structure):
    """A change of a watched pin: when (1/16 ns), which, and the level (2: not driven)."""

    _fields_ = [("ticks", ctypes.c_int64), ("pin", ctypes.c_int32), ("level", ctypes.c_int32)]


def compiler() -> tuple[str, bytes]:
    """Return the C++ compiler and what it says its version is; EmulatorError when there is none."""
    command = os.environ.get("CXX", "g++")
    try:
        said = subprocess.run([command, "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise EmulatorError(
            f"the emulated bench needs a C++ compiler, {command} does not run: install g++"
        ) from None
    return command, said.stdout


def build_library() -> Path:
    """Compile pioclock once per source, emulator version and compiler; return the library."""
    here = Path(__file__).parent
    command, version = compiler()
    text = b"".join((here / name).read_bytes() for name in SOURCES)
    key = hashlib.sha256(text + EMULATOR.encode() + version + repr(FLAGS).encode()).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bot4"
    library = cache / f"pioclock-{key[:16]}.so"
    if library.exists():
        return library
    cache.mkdir(parents=True, exist_ok=True)
    headers = Path(rp2040py.__file__).parent / "native" / "core"
    with tempfile.TemporaryDirectory(dir=cache) as work:
        output = Path(work) / library.name
        arguments = [*FLAGS, f"-I{headers}", str(here / SOURCES[0]), "-o", str(output)]
        done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            first = (done.stderr.strip().splitlines() or ["no message"])[0]
            raise EmulatorError(f"pioclock.cpp does not build: {first}")
        # A rename is atomic: two benches may build at the same time.
        output.replace(library)
    return library


def load_library() -> ctypes.PyDLL:
    """Load pioclock with the types of its functions."""
    # PyDLL keeps the interpreter lock: the loop calls back into rp2040py's Python side.
    library = ctypes.PyDLL(str(build_library()))
    handle, address, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    signatures: dict[str, tuple[object, list[object]]] = {
        "emu_layout": (number, [address, ctypes.POINTER(address), number]),
        "emu_new": (handle, [address, address, address, address]),
        "emu_free": (None, [handle]),
        "emu_watch": (None, [handle, ctypes.c_uint32]),
        "emu_rescan": (None, [handle]),
        "emu_edge": (number, [handle, ctypes.POINTER(Edge)]),
        "emu_ticks": (ctypes.c_int64, [handle]),
        "emu_stop": (None, [handle]),
        "emu_sync": (number, [handle]),
        "emu_set_pin": (number, [handle, number, number]),
        "emu_set_skip": (None, [handle, number]),
        "emu_set_lag": (None, [handle, ctypes.c_int64]),
        "emu_counts": (None, [handle, ctypes.POINTER(ctypes.c_uint64)]),
        "emu_run": (number, [handle, ctypes.c_int64]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def attach(library: ctypes.PyDLL, chip: Any, simulator: Any) -> int:
    """Put pioclock in front of a chip; return its handle.

    The addresses of nine blocks all over the chip object must be the same for both, else their
    layouts differ and nothing may run. The native chip's own addresses are not in its stubs.
    """
    if not hasattr(chip, "_native_mcu_address"):
        raise EmulatorError(
            "rp2040py runs without its native core: unset RP2040PY_SKIP_CYTHON and reinstall it"
        )
    mcu = chip._native_mcu_address()
    blocks = (
        chip._native_bus_address(),
        chip._native_pio_address(0),
        chip._native_pio_address(1),
        chip._native_clocks_address(),
        chip._native_pins_address(0),
        chip._native_sio_address(),
        chip._native_watchdog_address(),
        chip._native_uart_address(1),
        ctypes.addressof(ctypes.c_uint8.from_buffer(simulator._stop_flag)),
    )
    wrong = library.emu_layout(mcu, (ctypes.c_size_t * len(blocks))(*blocks), len(blocks))
    if wrong:
        raise EmulatorError(f"pioclock and rp2040py disagree on the chip's layout (block {wrong})")
    engine = library.emu_new(mcu, *chip.sio._native_window())
    if not engine:
        raise EmulatorError("the chip's pins cannot be watched")
    return engine
