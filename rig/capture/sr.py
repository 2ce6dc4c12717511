"""Captures as sigrok sessions (.sr); open in PulseView and `sigrok-cli`.

The sampling rule is `rig.capture.grid`'s: a pulse that falls between two samples is gone, sample 0 is
the start and the last sample lies at or after the end. A foreign file (sigrok-cli with an analyser)
says neither bench nor start: the caller does.
"""

from __future__ import annotations

import configparser
import zipfile
from pathlib import Path

import numpy as np

from rig.capture.given import Given, capture_of
from rig.capture.grid import (
    MAX_RATE_HZ,
    count_samples,
    fill,
    parse_rate,
    rate_text,
    state_changes,
    to_offset_ns,
)
from rig.capture.model import LINES, Capture, CaptureError
from rig.capture.pieces import INFLATE_ERRORS, check_method, find_pieces, read_changes

CHUNK_SAMPLES = 4 << 20  # bytes in memory at a time; PulseView's own files use the same size
_MAX_LINES = 8  # unitsize 1: one byte a sample
_MAX_METADATA = 65_536
# Ten samples a bit of the serial line, and as few as a long run needs to stay small.
_RATES_HZ = (12_000_000, 4_000_000, 1_000_000)
_WRITTEN_SAMPLES = 500_000_000
# What zipfile, the inflater and configparser are known to raise on damaged input.
_DAMAGE: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    *INFLATE_ERRORS,
    configparser.Error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def fitting_rate_hz(capture: Capture) -> int:
    """Return the highest of our rates that makes at most 500 million samples, else the lowest."""
    fits = (rate for rate in _RATES_HZ if count_samples(capture, rate) <= _WRITTEN_SAMPLES)
    return next(fits, _RATES_HZ[-1])


def write_sr(capture: Capture, path: Path, *, rate_hz: int = 1_000_000) -> None:
    """Write `capture` to `path`, sampled at `rate_hz` (1 Hz to 1 GHz), at most eight lines.

    Raises CaptureError for more lines or another rate, OSError as from open().
    """
    if not 1 <= rate_hz <= MAX_RATE_HZ:
        raise CaptureError(f"{path}: sample rate {rate_hz} Hz is not in 1 Hz..1 GHz")
    if len(capture.lines) > _MAX_LINES:
        raise CaptureError(f"{path}: {len(capture.lines)} lines do not fit one byte a sample")
    at, states = state_changes(capture, rate_hz)
    samples = count_samples(capture, rate_hz)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as session:
        session.writestr("version", "2")
        session.writestr("metadata", _metadata(capture, rate_hz, samples))
        for number, first in enumerate(range(0, samples, CHUNK_SAMPLES), start=1):
            chunk = fill(at, states, first, min(first + CHUNK_SAMPLES, samples))
            session.writestr(f"logic-1-{number}", chunk.tobytes())


def _metadata(capture: Capture, rate_hz: int, samples: int) -> str:
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
        f"samplerate={rate_text(rate_hz)}",
        "total analog=0",
        *probes,
        "unitsize=1",
    ]
    return "\n".join(rows) + "\n"


def read_sr(
    path: Path,
    *,
    lines: tuple[str, ...] | None = LINES,
    bench: str | None = None,
    start_ns: int | None = None,
) -> Capture:
    """Read a session whose channels are `lines`, by name or as the analyser's D0, D1, ...

    `bench` and `start_ns` (CLOCK_MONOTONIC ns of sample 0) are for files that do not say; a file
    that says otherwise is refused. Raises CaptureError, one line with the file's name, when the
    file is damaged, incomplete or has other channels.
    """
    return load_sr(path, Given(lines, bench, start_ns))


def load_sr(path: Path, given: Given) -> Capture:
    """Read a session; CaptureError as from `read_sr`."""
    path = Path(path)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as session:
            return _read(session, file.fileno(), given)
    except CaptureError as error:
        raise CaptureError(f"{path}: {error}") from None
    except _DAMAGE as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise CaptureError(f"{path}: not a readable sigrok session ({why[:120]})") from None


def _read(session: zipfile.ZipFile, fd: int, given: Given) -> Capture:
    if _small(session, "version").strip() != "2":
        raise CaptureError("not a sigrok session of version 2")
    config = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes="#")
    config.read_string(_small(session, "metadata"))
    device, ours = config["device 1"], config["global"]
    rate_hz = parse_rate(device["samplerate"])
    given.agreed_rate(rate_hz)
    lines = given.agreed_lines(_channels(device))
    bench = given.agreed_bench(ours.get("bot4 bench"))
    said_start = ours.get("bot4 start ns")
    start = given.agreed_start(None if said_start is None else int(said_start))
    found = read_changes(fd, find_pieces(session, device["capturefile"]))
    if int(ours.get("bot4 samples", str(found.samples))) != found.samples:
        raise CaptureError("the number of samples is not the one that the header names")
    end = start + int(to_offset_ns(np.array([found.samples - 1]), rate_hz)[0])
    times = start + to_offset_ns(found.at, rate_hz)
    return capture_of(times, found.states, bench=bench, end_ns=end, lines=lines, rate_hz=rate_hz)


def _small(session: zipfile.ZipFile, name: str) -> str:
    info = session.getinfo(name)
    if info.file_size > _MAX_METADATA:
        raise CaptureError(f"{name} is {info.file_size} bytes long")
    check_method(info)
    return session.read(info).decode("utf-8")


def _channels(device: configparser.SectionProxy) -> tuple[str, ...]:
    """The names of channels 1, 2, ...: all that are there, which need not be all the device has."""
    if int(device["unitsize"]) != 1 or int(device.get("total analog", "0")) != 0:
        raise CaptureError("not one byte of logic a sample")
    count = sum(key.startswith("probe") for key in device)
    if not 1 <= count <= _MAX_LINES:
        raise CaptureError(f"{count} channels, not 1 to {_MAX_LINES}")
    keys = [f"probe{number}" for number in range(1, count + 1)]
    if any(key not in device for key in keys):
        raise CaptureError(f"its {count} channels are not the first {count} of the analyser")
    return tuple(device[key] for key in keys)
