"""All runs below a folder, in order of time; benches apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.report import words
from rig.report.files import RESULT, RunError, read_result


@dataclass(frozen=True)
class Entry:
    """One layout of one run; times in us, None where not measured."""

    folder: str
    at: str
    bench: str
    layout: str
    version: str
    host: str
    kernel: str
    load: str
    presses: int | None
    p50_us: float | None
    p99_us: float | None
    max_us: float | None
    limit_us: float | None
    verdict: str


@dataclass(frozen=True)
class History:
    """Entries from old to new, and the files that are no results, with the reason."""

    entries: list[Entry]
    unreadable: list[str]

    def benches(self) -> dict[str, list[Entry]]:
        """Entries by bench: results of different benches never share a column."""
        names = sorted({entry.bench for entry in self.entries})
        return {name: [each for each in self.entries if each.bench == name] for name in names}

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def read(folder: Path) -> History:
    """Read every result.json below `folder`. Raises RunError when there is none."""
    files = sorted(folder.rglob(RESULT)) if folder.is_dir() else []
    entries: list[Entry] = []
    unreadable = []
    for file in files:
        try:
            entries += _entries(file, read_result(file))
        except RunError as error:
            unreadable.append(str(error))
    if not entries:
        raise RunError(f"{folder}: no result of a run below it ({RESULT})")
    return History(sorted(entries, key=lambda entry: (entry.at, entry.folder)), unreadable)


def _entries(file: Path, result: dict[str, Any]) -> list[Entry]:
    return [_entry(file, result, key, data) for key, data in words.layouts(result)]


def _entry(file: Path, result: dict[str, Any], key: str, data: Any) -> Entry:
    environment = result.get("environment")
    figures = words.at(data, "latency_us", "switch_to_ack")
    load = result.get("load")
    presses = words.number(words.at(data, "presses"))
    return Entry(
        folder=str(file.parent),
        at=_at(file, result),
        bench=str(result["bench"]),
        layout=key,
        version=str(words.at(environment, "bot4") or words.UNKNOWN),
        host=str(words.at(environment, "host sha256") or words.UNKNOWN),
        kernel=str(words.at(environment, "kernel") or words.UNKNOWN),
        load="+".join(map(str, load)) if isinstance(load, list) and load else "none",
        presses=None if presses is None else int(presses),
        p50_us=words.number(words.at(figures, "p50")),
        p99_us=words.number(words.at(figures, "p99")),
        max_us=words.number(words.at(figures, "max")),
        limit_us=words.number(result.get("limit_us")),
        verdict=words.verdict(result.get("verdict"))[0],
    )


def _at(file: Path, result: dict[str, Any]) -> str:
    """When it was measured; of results that do not say, when their file was written."""
    if isinstance(result.get("at"), str):
        return result["at"]
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return written.isoformat(timespec="seconds")
