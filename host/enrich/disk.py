"""The second tier: an SQLite file on this machine.

Plain SQLite and JSON, no pickle: whoever can write the file must not be able to run code here (which is
why this is not the diskcache package, see CVE-2025-69872). Everything read back is checked like an answer
of the model. When the file cannot be used, the tier is a miss and the service goes on.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from host.enrich.database import Database
from host.enrich.opinion import Opinion, stored

TABLES = """
CREATE TABLE IF NOT EXISTS opinion (key TEXT PRIMARY KEY, body TEXT, ends_s INTEGER)
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asking (key TEXT PRIMARY KEY, owner TEXT, ends_s INTEGER)
    STRICT, WITHOUT ROWID;
"""


class Disk:
    """The file; `failures` counts what could not be done or used."""

    name = "disk"

    def __init__(self, path: Path) -> None:
        self._database = Database(path, TABLES, durable=False)
        self._spoilt = 0

    @property
    def failures(self) -> int:
        """How often the file, or something in it, could not be used."""
        return self._database.failures + self._spoilt

    def get(self, keys: Sequence[str], now_s: int) -> dict[str, Opinion]:
        """Return the opinions that are there and whose time has not ended."""

        def act(db: sqlite3.Connection) -> dict[str, bytes]:
            wanted = "SELECT CAST(body AS BLOB) FROM opinion WHERE key = ? AND ends_s > ?"
            rows = {key: db.execute(wanted, (key, now_s)).fetchone() for key in keys}
            return {key: row[0] for key, row in rows.items() if row is not None}

        nothing: dict[str, bytes] = {}
        found = {key: stored(body) for key, body in self._database.do(act, nothing).items()}
        good = {key: opinion for key, opinion in found.items() if opinion is not None}
        self._spoilt += len(found) - len(good)
        return good

    def put(self, opinions: dict[str, Opinion], now_s: int, ttl_s: int) -> None:
        """Keep opinions for `ttl_s`."""
        rows = [(k, msgspec.json.encode(o).decode(), now_s + ttl_s) for k, o in opinions.items()]

        def act(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM opinion WHERE ends_s <= ?", (now_s,))
            db.executemany("INSERT OR REPLACE INTO opinion VALUES (?, ?, ?)", rows)

        self._database.do(act, None)

    def claim(self, keys: Sequence[str], owner: str, now_s: int, ttl_s: int) -> list[str]:
        """Return those keys that nobody else on this machine is asking; they are `owner`'s now."""

        def act(db: sqlite3.Connection) -> list[str]:
            db.execute(
                "DELETE FROM asking WHERE ends_s <= ? OR ends_s > ?", (now_s, now_s + 2 * ttl_s)
            )
            insert = "INSERT OR IGNORE INTO asking VALUES (?, ?, ?)"
            return [key for key in keys if db.execute(insert, (key, owner, now_s + ttl_s)).rowcount]

        # Nobody to agree with when the file cannot be used; the budget is held anyway.
        return self._database.do(act, list(keys))

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Give claims back."""
        rows = [(key, owner) for key in keys]
        delete = "DELETE FROM asking WHERE key = ? AND owner = ?"
        self._database.do(lambda db: db.executemany(delete, rows), None)

    def close(self) -> None:
        """Close the file."""
        self._database.close()
