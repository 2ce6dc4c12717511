"""The unfinished ladder on disk, so that a crash of the whole host does not end a liquidation."""

import contextlib
import os
from pathlib import Path

import msgspec

from host.modes import Reason


class _Unfinished(msgspec.Struct, forbid_unknown_fields=True):
    reason: str


class Progress:
    """A file that is there exactly while a ladder that liquidates is unfinished."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begun(self, reason: Reason) -> None:
        """Note the ladder; whole or not at all. Raises OSError when the disk does not take it."""
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(_Unfinished(reason.name)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def done(self) -> None:
        """Forget it."""
        self._path.unlink(missing_ok=True)

    def unfinished(self) -> Reason | None:
        """Return the reason of the ladder that an earlier run left, or None.

        A file that cannot be read is GUARD_FAULT: something was unfinished, and `on_kill` decides.
        """
        with contextlib.suppress(FileNotFoundError):
            try:
                name = msgspec.json.decode(self._path.read_bytes(), type=_Unfinished).reason
                return Reason[name]
            except (msgspec.MsgspecError, KeyError, UnicodeDecodeError):
                return Reason.GUARD_FAULT
        return None
