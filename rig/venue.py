"""The venue's record while it is still being written: how far the host has traded."""

from pathlib import Path
from typing import Any

import msgspec


class VenueTail:
    """Follows the record line by line."""

    def __init__(self, record: Path) -> None:
        self._file = record.open("rb")
        self._rest = b""
        self._start: dict[str, Any] = {}
        self._orders = 0

    def start(self) -> dict[str, Any]:
        """Return the first line: source, rows, pace."""
        self._read()
        return self._start

    def orders(self) -> int:
        """Return the number of new orders so far."""
        self._read()
        return self._orders

    def close(self) -> None:
        """Close the record."""
        self._file.close()

    def _read(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for text in lines:
            line = msgspec.json.decode(text)
            if line["kind"] == "start":
                self._start = line
            elif line["kind"] == "packet" and (line.get("msg") or {}).get("op") == "new":
                self._orders += 1


def replayed(record: Path) -> dict[str, Any]:
    """Return source, rows and the rows played, from a record that is complete."""
    start: dict[str, Any] = {}
    played = 0
    for text in record.read_bytes().splitlines():
        line = msgspec.json.decode(text)
        if line["kind"] == "start":
            start = line
        elif line["kind"] in ("stop", "end"):
            played = line.get("rows_played", line.get("rows", played))
    return {"source": start["source"], "rows": start["rows"], "rows_replayed": played}
