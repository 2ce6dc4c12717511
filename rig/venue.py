"""The venue's record while it is still being written: how far the host has traded."""

from pathlib import Path
from typing import Any

import msgspec

from rig.processes import BenchError


class VenueTail:
    """Follows the record line by line."""

    def __init__(self, record: Path) -> None:
        self._file = record.open("rb")
        self._rest = b""
        self._start: dict[str, Any] = {}
        self._orders = 0
        self._opening_ns: list[int] = []

    def start(self) -> dict[str, Any]:
        """Return the first line: source, rows, pace."""
        self._read()
        return self._start

    def orders(self) -> int:
        """Return the number of new orders so far."""
        self._read()
        return self._orders

    def opening_ns(self) -> list[int]:
        """Return when each OPEN and REDUCE order left the host so far, by the kernel's stamp."""
        self._read()
        return self._opening_ns

    def close(self) -> None:
        """Close the record."""
        self._file.close()

    def _read(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for text in lines:
            line = msgspec.json.decode(text)
            if line["kind"] == "start":
                self._start = line
            elif line["kind"] == "packet":
                self._take(line["sent_ns"], line.get("msg") or {})

    def _take(self, sent_ns: int | None, message: dict[str, Any]) -> None:
        self._orders += message.get("op") == "new"
        if message.get("intent") in ("OPEN", "REDUCE"):
            if sent_ns is None:
                raise BenchError("an order in the venue's record has no sending time")
            self._opening_ns.append(sent_ns)


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
