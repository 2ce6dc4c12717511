"""The formats of captures: one table, and a reader that finds out which one a file has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rig.capture.given import Given
from rig.capture.model import Capture, CaptureError
from rig.capture.saleae_csv import is_saleae, read_saleae, write_saleae
from rig.capture.sigrok_csv import is_levels, is_sigrok_comment, read_sigrok_csv, write_sigrok_csv
from rig.capture.sr import fitting_rate_hz, load_sr, write_sr
from rig.capture.vcd import load_vcd, write_vcd

_HEAD_BYTES = 4096


@dataclass(frozen=True)
class Format:
    """A name, how to know a file by its first two rows, and how to read and write one."""

    name: str
    known_by: Callable[[bytes, bytes], bool]
    read: Callable[[Path, Given], Capture]
    write: Callable[[Capture, Path], None]


def _write_fitting_sr(capture: Capture, path: Path) -> None:
    write_sr(capture, path, rate_hz=capture.rate_hz or fitting_rate_hz(capture))


# In the order in which they are tried.
FORMATS = (
    Format("sr", lambda first, _: first.startswith(b"PK"), load_sr, _write_fitting_sr),
    Format("vcd", lambda first, _: first.lstrip().startswith(b"$"), load_vcd, write_vcd),
    Format(
        "saleae",
        # sigrok's label "Time" stands above bare numbers.
        lambda first, second: is_saleae(first) and not second.split(b",")[0].isdigit(),
        read_saleae,
        write_saleae,
    ),
    Format(
        "sigrok-csv",
        lambda first, _: is_sigrok_comment(first) or is_levels(first),
        read_sigrok_csv,
        write_sigrok_csv,
    ),
)
BY_NAME = {each.name: each for each in FORMATS}


def format_of(path: Path) -> Format:
    """Return the format of a file by what is in it. Raises CaptureError, naming the file."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from None
    if not head:
        raise CaptureError(f"{path}: it is empty")
    first, _, rest = head.partition(b"\n")
    second = rest.partition(b"\n")[0]
    found = next((each for each in FORMATS if each.known_by(first.rstrip(), second)), None)
    if found is None:
        raise CaptureError(f"{path}: no capture: neither .sr, .vcd, nor CSV of sigrok or Saleae")
    return found


def read_capture(
    path: Path,
    *,
    lines: tuple[str, ...] | None = None,
    bench: str | None = None,
    start_ns: int | None = None,
    rate_hz: int | None = None,
) -> Capture:
    """Read a capture in any format.

    lines -- of the file's channels, in order; default: by name, D0..D7 as they are wired
    bench, start_ns -- for files that do not say: else "unnamed", and the file's own first time
    rate_hz -- the analyser's, for formats that do not name it (Saleae's); times go on its samples

    Raises CaptureError, one line with the file's name, when the file cannot be trusted.
    """
    path = Path(path)
    found = format_of(path)
    try:
        return found.read(path, Given(lines, bench, start_ns, rate_hz, lenient=True))
    except CaptureError as error:
        named = str(error) if str(error).startswith(f"{path}: ") else f"{path}: {error}"
        raise CaptureError(named) from None
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from None
    except (OverflowError, ValueError) as error:
        raise CaptureError(f"{path}: not a readable {found.name} ({error})") from None


def write_capture(capture: Capture, path: Path, form: str) -> None:
    """Write `capture` in the format named `form`; CaptureError when there is no such format."""
    if form not in BY_NAME:
        raise CaptureError(f"{form!r} is no format: {', '.join(BY_NAME)}")
    BY_NAME[form].write(capture, path)
