"""What is kept for the report: counters, requests, and hours of shadow decisions. One SQLite file."""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec

from host.enrich.database import Database

TABLES = """
CREATE TABLE IF NOT EXISTS counted (month TEXT, name TEXT, number INTEGER,
    PRIMARY KEY (month, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS call (at_s INTEGER, latency_ms REAL, failure TEXT, cost INTEGER,
    symbols INTEGER, input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS hour (trial TEXT, hour_s INTEGER, gain REAL, cost INTEGER, decisions INTEGER,
    hits INTEGER, changed INTEGER, PRIMARY KEY (trial, hour_s)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, body TEXT) STRICT, WITHOUT ROWID;
"""
CALLS_KEPT_S = 70 * 86_400
HOUR_S = 3600
# SQLite's integers end here; a peer's number must not make a record fail.
MOST_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class Call:
    """One request; cost in ticks, failure empty when there was none."""

    at_s: int
    latency_ms: float
    failure: str
    cost: int
    symbols: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Hour:
    """What the shadow decisions gained in one hour (quote currency), and what asking cost (ticks).

    decisions, hits, changed -- decisions made, with a fresh opinion, and made smaller by it
    """

    hour_s: int
    gain: float = 0.0
    cost: int = 0
    decisions: int = 0
    hits: int = 0
    changed: int = 0


class Records:
    """The file; what cannot be kept is lost to the report and to nothing else."""

    def __init__(self, path: Path, make: bool = True) -> None:
        self._database = Database(path, TABLES, durable=False, make=make)

    @property
    def failures(self) -> int:
        """How often the file could not be used."""
        return self._database.failures

    def count(self, month: str, counted: Counter[str]) -> None:
        """Add to the counters of a month."""
        rows = [(month, name, number) for name, number in counted.items()]
        add = (
            "INSERT INTO counted VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET number = number + excluded.number"
        )
        self._database.do(lambda db: db.executemany(add, rows), None)

    def counted(self, month: str) -> dict[str, int]:
        """Return the counters of a month."""
        wanted = "SELECT name, number FROM counted WHERE month = ?"
        return self._database.do(lambda db: dict(db.execute(wanted, (month,)).fetchall()), {})

    def called(self, call: Call, trial: str) -> None:
        """Keep one request; its cost also counts in its hour."""

        def act(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM call WHERE at_s < ?", (call.at_s - CALLS_KEPT_S,))
            values = [
                min(v, MOST_INTEGER) if isinstance(v, int) else v for v in vars(call).values()
            ]
            db.execute("INSERT INTO call VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            _add(db, trial, Hour(call.at_s, cost=call.cost))

        self._database.do(act, None)

    def calls(self, since_s: int) -> list[Call]:
        """Return the requests since a time."""
        wanted = "SELECT * FROM call WHERE at_s >= ? ORDER BY at_s"
        rows: list[tuple] = []
        rows = self._database.do(lambda db: db.execute(wanted, (since_s,)).fetchall(), rows)
        return [Call(*row) for row in rows]

    def decided(self, trial: str, part: Hour) -> None:
        """Add what the engine says of its shadow decisions to their hour."""
        self._database.do(lambda db: _add(db, trial, part), None)

    def hours(self, trial: str) -> list[Hour]:
        """Return the hours of a trial in their order."""
        wanted = (
            "SELECT hour_s, gain, cost, decisions, hits, changed FROM hour WHERE trial = ? "
            "ORDER BY hour_s"
        )
        rows: list[tuple] = []
        rows = self._database.do(lambda db: db.execute(wanted, (trial,)).fetchall(), rows)
        return [Hour(*row) for row in rows]

    def keep(self, name: str, value: object) -> None:
        """Keep one JSON value by its name."""
        row = (name, msgspec.json.encode(value).decode())
        self._database.do(
            lambda db: db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", row), None
        )

    def kept(self, name: str) -> object:
        """Return it, or None."""
        wanted = "SELECT body FROM kept WHERE name = ?"
        row = self._database.do(lambda db: db.execute(wanted, (name,)).fetchone(), None)
        try:
            return msgspec.json.decode(row[0]) if row else None
        except msgspec.DecodeError:
            return None

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _add(db: sqlite3.Connection, trial: str, part: Hour) -> None:
    db.execute(
        "INSERT INTO hour VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "gain = gain + excluded.gain, cost = MIN(cost + excluded.cost, ?), "
        "decisions = decisions + excluded.decisions, hits = hits + excluded.hits, "
        "changed = changed + excluded.changed",
        (
            trial,
            part.hour_s - part.hour_s % HOUR_S,
            part.gain,
            min(part.cost, 2**62),
            part.decisions,
            part.hits,
            part.changed,
            2**62,
        ),
    )
