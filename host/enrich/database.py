"""An SQLite file that may be lost or damaged, and says so once instead of failing for ever."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

T = TypeVar("T")

BUSY_S = 2.0
# What marks a file as no (longer a) database; a full disk or a lock does not.
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class DatabaseUnavailable(OSError):
    """The file cannot be read or written now; its text names it."""


class Database:
    """One file, its tables, and transactions on it.

    durable -- a commit is on the disk when it returns, whatever happens to the power
    make -- False for who only looks: the file is opened read-only, and left as it is whatever is in it
    """

    def __init__(self, path: Path, tables: str, durable: bool, make: bool = True) -> None:
        self._make = make
        self.path = path
        self.damaged = 0
        self.failures = 0
        self._tables = tables
        self._durable = durable
        self._connection: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the file for one change, alone. Raises DatabaseUnavailable; nothing is changed then."""
        connection = self._open()
        try:
            connection.execute("BEGIN IMMEDIATE" if self._make else "BEGIN")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            self._give_up(error)
            raise DatabaseUnavailable(f"{self.path}: {error}") from None
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def do(self, act: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Return act(connection) in a transaction; `otherwise` where that fails, which is counted."""
        try:
            with self.transaction() as connection:
                return act(connection)
        except DatabaseUnavailable:
            self.failures += 1
            return otherwise

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        if not self._make and not self.path.is_file():
            raise DatabaseUnavailable(f"{self.path}: there is none")
        for final in (False, True):
            try:
                self._connection = self._connect()
                return self._connection
            except sqlite3.DatabaseError as error:
                self._give_up(error)
                if final:
                    raise DatabaseUnavailable(f"{self.path}: {error}") from None
            except OSError as error:
                raise DatabaseUnavailable(f"{self.path}: {error.strerror}") from None
        raise AssertionError

    def _connect(self) -> sqlite3.Connection:
        if not self._make:
            # Without a log beside it nobody has it open, and what SQLite would share is not there.
            shared = self.path.with_name(f"{self.path.name}-wal").exists()
            how = "readonly_shm=1" if shared else "immutable=1"
            place = f"file:{quote(str(self.path.absolute()))}?mode=ro&{how}"
            return sqlite3.connect(place, timeout=BUSY_S, isolation_level=None, uri=True)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
            connection.executescript(self._tables)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def _give_up(self, error: sqlite3.DatabaseError) -> None:
        """Close; put a damaged file aside, where a person can look at it, so that a new one begins."""
        with contextlib.suppress(sqlite3.DatabaseError):
            self.close()
        self._connection = None
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGED or not self._make:
            return
        self.damaged += 1
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        with contextlib.suppress(OSError):
            self.path.rename(aside)
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
