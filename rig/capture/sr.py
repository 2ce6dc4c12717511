"""Captures as sigrok sessions (.sr); open in PulseView and `sigrok-cli`.

The sampling rule: sample k holds the levels at start + k/rate, so an edge lands on the first
sample at or after it, and a pulse that falls between two samples is gone. Sample 0 is the start;
the last sample lies at or after the end. Reading gives sample k the time start + floor(k/rate) ns,
which writes back to the same sample at any rate up to 1 GHz.

A foreign file (sigrok-cli with an analyser) says neither bench nor start: the caller does.
"""

from __future__ import annotations

import configparser
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rig.capture.model import LINES, Capture, CaptureError

CHUNK_SAMPLES = 4 << 20  # bytes in memory at a time; PulseView's own files use the same size
_MAX_LINES = 8  # unitsize 1: one byte a sample
_MAX_RATE_HZ = 1_000_000_000  # above, two samples would share a nanosecond
_MAX_METADATA = 65_536
_UNITS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_RATE = re.compile(r"(\d{1,12}) ?([kMG]?)(?:Hz)?", re.ASCII)
_T = TypeVar("_T", str, int)
# What zipfile, zlib and configparser are known to raise on damaged input.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    configparser.Error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def write_sr(capture: Capture, path: Path, *, rate_hz: int = 1_000_000) -> None:
    """Write `capture` to `path`, sampled at `rate_hz` (1 Hz to 1 GHz), at most eight lines.

    Raises CaptureError for more lines or another rate, OSError as from open().
    """
    if not 1 <= rate_hz <= _MAX_RATE_HZ:
        raise CaptureError(f"{path}: sample rate {rate_hz} Hz is not in 1 Hz..1 GHz")
    if len(capture.lines) > _MAX_LINES:
        raise CaptureError(f"{path}: {len(capture.lines)} lines do not fit one byte a sample")
    at, states = _state_changes(capture, rate_hz)
    span_ns = np.array([capture.end_ns - capture.start_ns])
    samples = int(_to_samples(span_ns, rate_hz)[0]) + 1
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as session:
        session.writestr("version", "2")
        session.writestr("metadata", _metadata(capture, rate_hz, samples))
        for number, first in enumerate(range(0, samples, CHUNK_SAMPLES), start=1):
            chunk = _fill(at, states, first, min(first + CHUNK_SAMPLES, samples))
            session.writestr(f"logic-1-{number}", chunk.tobytes())


def _to_samples(offset_ns: NDArray[np.int64], rate_hz: int) -> NDArray[np.int64]:
    """Number of the first sample at or after each offset from the start, in int64 throughout."""
    seconds, rest = np.divmod(offset_ns, 1_000_000_000)
    return seconds * rate_hz + -(-rest * rate_hz // 1_000_000_000)


def _to_offset_ns(sample: NDArray[np.int64], rate_hz: int) -> NDArray[np.int64]:
    seconds, rest = np.divmod(sample, rate_hz)
    return seconds * 1_000_000_000 + rest * 1_000_000_000 // rate_hz


def _state_changes(capture: Capture, rate_hz: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Samples at which a line toggles, and the byte from there on; sample 0 comes first.

    Several edges on one sample are several entries, and the last one holds.
    """
    ats = [np.zeros(1, dtype=np.int64)]
    start = sum(capture.initial[line] << bit for bit, line in enumerate(capture.lines))
    flips = [np.array([start], dtype=np.uint8)]
    for bit, line in enumerate(capture.lines):
        ats.append(_to_samples(capture.edges[line] - capture.start_ns, rate_hz))
        flips.append(np.full(ats[-1].size, 1 << bit, dtype=np.uint8))
    at, flip = np.concatenate(ats), np.concatenate(flips)
    order = np.argsort(at, kind="stable")
    return at[order], np.bitwise_xor.accumulate(flip[order])


def _fill(
    at: NDArray[np.int64], states: NDArray[np.uint8], first: int, stop: int
) -> NDArray[np.uint8]:
    """The bytes of samples first..stop-1."""
    low = int(np.searchsorted(at, first, side="right")) - 1
    high = int(np.searchsorted(at, stop, side="left"))
    bounds = np.append(np.maximum(at[low:high], first), stop)
    return np.repeat(states[low:high], np.diff(bounds))


def _metadata(capture: Capture, rate_hz: int, samples: int) -> str:
    unit = next(u for u in ("G", "M", "k", "") if rate_hz % _UNITS[u] == 0)
    probes = [f"probe{number}={line}" for number, line in enumerate(capture.lines, start=1)]
    rows = [
        "[global]",
        "sigrok version=0.5.2",
        f"bot4 bench={capture.bench}",
        f"bot4 start ns={capture.start_ns}",
        f"bot4 samples={samples}",
        "",
        "[device 1]",
        "capturefile=logic-1",
        f"total probes={len(capture.lines)}",
        f"samplerate={rate_hz // _UNITS[unit]} {unit}Hz",
        "total analog=0",
        *probes,
        "unitsize=1",
    ]
    return "\n".join(rows) + "\n"


def read_sr(
    path: Path,
    *,
    lines: tuple[str, ...] = LINES,
    bench: str | None = None,
    start_ns: int | None = None,
) -> Capture:
    """Read a session whose channels are `lines`, by name or as the analyser's D0, D1, ...

    `bench` and `start_ns` (CLOCK_MONOTONIC ns of sample 0) are for files that do not say; a file
    that says otherwise is refused. Raises CaptureError, one line with the file's name, when the
    file is damaged, incomplete or has other channels.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as session:
            return _read(session, lines, bench, start_ns)
    except CaptureError as error:
        raise CaptureError(f"{path}: {error}") from None
    except _DAMAGE as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise CaptureError(f"{path}: not a readable sigrok session ({why[:120]})") from None


def _read(
    session: zipfile.ZipFile, lines: tuple[str, ...], bench: str | None, start_ns: int | None
) -> Capture:
    if _small(session, "version").strip() != "2":
        raise CaptureError("not a sigrok session of version 2")
    config = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes="#")
    config.read_string(_small(session, "metadata"))
    device, ours = config["device 1"], config["global"]
    rate_hz = _rate_hz(device["samplerate"])
    _check_channels(device, lines)
    named = ours.get("bot4 bench")
    bench = _agreed("bench", named, bench)
    said_start = ours.get("bot4 start ns")
    start = _agreed("start", None if said_start is None else int(said_start), start_ns)
    at, states, samples = _read_changes(_chunks(session, device["capturefile"]))
    if int(ours.get("bot4 samples", str(samples))) != samples:
        raise CaptureError("the number of samples is not the one that the header names")
    end = start + int(_to_offset_ns(np.array([samples - 1]), rate_hz)[0])
    times = start + _to_offset_ns(at, rate_hz)
    initial, edges = {}, {}
    for bit, line in enumerate(lines):
        levels = (states >> bit) & 1
        initial[line] = int(levels[0])
        edges[line] = times[1:][levels[1:] != levels[:-1]]
    return Capture(bench, initial, edges, start, end, lines)


def _agreed(what: str, in_file: _T | None, given: _T | None) -> _T:
    if in_file is not None and given is not None and in_file != given:
        raise CaptureError(f"{what} is {in_file} in the file, not {given}")
    value = given if in_file is None else in_file
    if value is None:
        raise CaptureError(f"the file does not say its {what}, and nobody else did")
    return value


def _small(session: zipfile.ZipFile, name: str) -> str:
    info = session.getinfo(name)
    if info.file_size > _MAX_METADATA:
        raise CaptureError(f"{name} is {info.file_size} bytes long")
    _check_method(info)
    return session.read(info).decode("utf-8")


def _check_method(info: zipfile.ZipInfo) -> None:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CaptureError(f"{info.filename} is packed in a way that sigrok does not use")


def _rate_hz(text: str) -> int:
    found = _RATE.fullmatch(text.strip())
    rate_hz = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= rate_hz <= _MAX_RATE_HZ:
        raise CaptureError(f"sample rate {text!r} is not in 1 Hz..1 GHz")
    return rate_hz


def _check_channels(device: configparser.SectionProxy, lines: tuple[str, ...]) -> None:
    if int(device["unitsize"]) != 1 or int(device.get("total analog", "0")) != 0:
        raise CaptureError("not one byte of logic a sample")
    if int(device["total probes"]) != len(lines):
        raise CaptureError(f"{device['total probes']} channels, not {len(lines)}")
    names = tuple(device[f"probe{number}"] for number in range(1, len(lines) + 1))
    if names not in (lines, tuple(f"D{bit}" for bit in range(len(lines)))):
        raise CaptureError(f"channels are {', '.join(names)}, not {', '.join(lines)}")


def _chunks(session: zipfile.ZipFile, stem: str) -> Iterator[NDArray[np.uint8]]:
    present = {name for name in session.namelist() if name.startswith(f"{stem}-")}
    wanted = [f"{stem}-{number}" for number in range(1, len(present) + 1)]
    if not present or present != set(wanted):
        raise CaptureError(f"pieces {stem}-1, {stem}-2, ... are missing or not in one row")
    for name in wanted:
        _check_method(session.getinfo(name))
        with session.open(name) as piece:
            # Read until empty: zipfile checks a piece's CRC only at its very end.
            while data := piece.read(CHUNK_SAMPLES):
                yield np.frombuffer(data, dtype=np.uint8)


def _read_changes(
    chunks: Iterator[NDArray[np.uint8]],
) -> tuple[NDArray[np.int64], NDArray[np.uint8], int]:
    """Samples at which the byte changes, the byte from there on, and the number of samples."""
    ats, states = [], []
    samples, last = 0, -1
    for chunk in chunks:
        at = np.flatnonzero(chunk[1:] != chunk[:-1]) + 1
        if int(chunk[0]) != last:
            at = np.concatenate(([0], at))
        ats.append(at + samples)
        states.append(chunk[at])
        samples, last = samples + chunk.size, int(chunk[-1])
    if not samples:
        raise CaptureError("no sample in it")
    return np.concatenate(ats), np.concatenate(states), samples
