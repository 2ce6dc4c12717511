"""The mode on disk: what the host's last mode was, written by the recorder, read by the next guard.

It never lets a guard begin above EMERGENCY. It says where the epoch goes on, so that no epoch ever
means two things, and whether anything is wrong with it: a record that is missing beside a log,
unreadable, of another host or of the future is a reason for EMERGENCY of its own.
"""

import os
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from host import layout
from host.audit.record import SEGMENT_PREFIX
from host.modes import Reason, TradingMode

# Steps that a guard may have taken without their having reached the disk: its ring holds no more.
EPOCH_GAP = layout.RING_SLOTS
LAST_EPOCH = 2**32 - 1
# ns. A clock that is set to the second must not make a record one of the future.
CLOCK_SLACK_NS = 2_000_000_000
MOST_BYTES = 4096


class ModeRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    version: Literal[1]
    host_id: str
    mode: str
    reason: str
    epoch: Annotated[int, msgspec.Meta(ge=1, le=LAST_EPOCH)]
    wall_ns: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Beginning(NamedTuple):
    """How a guard begins: always in EMERGENCY."""

    epoch: int
    reason: Reason
    detail: str


def beside(audit_dir: Path) -> Path:
    """Return the file that belongs to the log in `audit_dir`."""
    return audit_dir.with_name(f"{audit_dir.name}.mode.json")


def save(path: Path, record: ModeRecord) -> None:
    """Write the record, whole or not at all. Raises OSError."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(msgspec.json.encode(record))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def begin(audit_dir: Path, host_id: str, wall_ns: int) -> Beginning:
    """Return how the next guard begins. Never raises for what it finds."""
    path = beside(audit_dir)
    try:
        with path.open("rb") as file:
            record = msgspec.json.decode(file.read(MOST_BYTES + 1), type=ModeRecord)
        last = f"{TradingMode[record.mode].name} {Reason[record.reason].name} {record.epoch}"
    except FileNotFoundError:
        if any(audit_dir.glob(f"{SEGMENT_PREFIX}*")):
            return _refused(wall_ns, "missing, though there is a log")
        return Beginning(1, Reason.NOT_ARMED, "first start")
    except OSError as error:
        return _refused(wall_ns, f"unreadable: {error.strerror}")
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError):
        return _refused(wall_ns, "unreadable: not a mode record")
    if record.host_id != host_id:
        return _refused(wall_ns, f"of another host: {record.host_id[:64]!r}")
    if record.wall_ns > wall_ns + CLOCK_SLACK_NS or record.epoch > LAST_EPOCH - EPOCH_GAP:
        return _refused(wall_ns, f"of the future: epoch {record.epoch}")
    return Beginning(record.epoch + EPOCH_GAP, Reason.NOT_ARMED, f"last: {last}")


def _refused(wall_ns: int, why: str) -> Beginning:
    """Without a record that counts, only the clock is known to be above every epoch so far."""
    return Beginning(
        max(1, wall_ns // 10**9 % LAST_EPOCH), Reason.MODE_RECORD, f"mode record {why}"
    )
