"""Where the account is kept: in SQLite for one host, in Redis for all of them together.

Both change it as a whole or not at all. Redis is watched: two hosts that change it at the same time
cannot both succeed. Its run id is the account's epoch, because a Redis that has started again may have
forgotten its last second, and one that was emptied has no account.
"""

import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from host.enrich import account as accounts
from host.enrich.account import Account, Limits, Refused
from host.enrich.database import Database, DatabaseUnavailable

TABLES = """
CREATE TABLE IF NOT EXISTS account (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT, digest TEXT);
"""
# The storage's epoch in a ledger that was restored; never its own.
ROLLED_BACK = "restored"
REDIS_KEY = "bot4:enrich:account"
REDIS_S = 0.5
# Of a change that another host was faster with.
MOST_RACES = 50
Edit = Callable[[Account | None, str], Account]


class Ledger(Protocol):
    """Keeps one account."""

    def change(self, edit: Edit) -> None:
        """Replace the account by edit(account or None, epoch). Raises Refused when it cannot be kept."""


class SqliteLedger:
    """The ledger of one host. A damaged file is put aside; the account then begins at its worst."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, TABLES, durable=True)

    def change(self, edit: Edit) -> None:
        """See Ledger."""
        try:
            with self._database.transaction() as connection:
                row = connection.execute("SELECT body, digest FROM account").fetchone()
                account = edit(_decoded(*row) if row else None, "disk")
                body = msgspec.json.encode(account).decode()
                connection.execute(
                    "INSERT OR REPLACE INTO account VALUES (1, ?, ?)", (body, _digest(body))
                )
        except DatabaseUnavailable as error:
            raise Refused("LEDGER_UNAVAILABLE", f"the ledger cannot be kept: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class RedisLedger:
    """The ledger of all hosts on one Redis."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def change(self, edit: Edit) -> None:
        """See Ledger."""
        import redis

        try:
            for _race in range(MOST_RACES):
                with self._client.pipeline() as pipe:
                    pipe.watch(REDIS_KEY)
                    text = pipe.get(REDIS_KEY)
                    epoch = str(pipe.info("server")["run_id"])
                    account = edit(_shared(text), epoch)
                    body = msgspec.json.encode(account).decode()
                    pipe.multi()
                    pipe.set(REDIS_KEY, _digest(body) + body)
                    try:
                        pipe.execute()
                    except redis.WatchError:
                        continue
                    return
        except (redis.RedisError, OSError, KeyError, TypeError) as error:
            name = type(error).__name__
            raise Refused("LEDGER_UNAVAILABLE", f"the shared ledger: {name}") from None
        raise Refused("LEDGER_UNAVAILABLE", "the shared ledger: too many hosts at once")


class Budget:
    """Reserves and settles on a ledger."""

    def __init__(self, ledger: Ledger, limits: Limits, alert: Callable[[Account], None]) -> None:
        self.ledger = ledger
        self.limits = limits
        self._alert = alert

    def reserve(self, now_s: int, worst: int) -> str:
        """Return the id of a durable reservation over `worst` ticks. Raises Refused."""
        key = uuid.uuid4().hex
        self._change(now_s, lambda kept: accounts.reserve(kept, self.limits, now_s, key, worst))
        return key

    def settle(self, now_s: int, key: str, cost: int | None) -> None:
        """Put the cost in its place; None where nobody knows it. Raises Refused when that is not kept."""
        self._change(now_s, lambda kept: accounts.settle(kept, self.limits, key, cost))

    def look(self, now_s: int) -> Account:
        """Return the account as of now. Raises Refused."""
        return self._change(now_s, lambda kept: None)

    def _change(self, now_s: int, act: Callable[[Account], object]) -> Account:
        """Follow and act in one change; what `follow` found stays, also where the act is refused."""
        refused: list[Refused] = []
        done: list[Account] = []
        due: list[bool] = []

        def edit(kept: Account | None, epoch: str) -> Account:
            for said in (refused, done, due):
                said.clear()  # the change before lost a race
            account = kept or accounts.begin(self.limits, now_s, epoch)
            try:
                accounts.follow(account, self.limits, now_s, epoch)
                act(account)
            except Refused as error:
                refused.append(error)
            due.append(accounts.alert_due(account, self.limits))
            done.append(account)
            return account

        self.ledger.change(edit)
        if due[0]:
            self._alert(done[0])
        if refused:
            raise refused[0]
        return done[0]


def roll_back(path: Path) -> None:
    """Mark a host's file as one of an earlier time: what it may have forgotten is written off.

    Nothing without a file. Raises Refused where it cannot be marked.
    """
    if not path.is_file():
        return
    account = peek(path)
    ledger = SqliteLedger(path)
    if account is not None:
        account.epoch = ROLLED_BACK
        ledger.change(lambda _kept, _epoch: account)
    ledger.close()


def peek(path: Path) -> Account | None:
    """Return the account of a host's file as it stands; None without one. Raises Refused."""
    if not path.is_file():
        return None
    database = Database(path, TABLES, durable=False, make=False)
    try:
        with database.transaction() as connection:
            row = connection.execute("SELECT body, digest FROM account").fetchone()
    except DatabaseUnavailable as error:
        raise Refused("LEDGER_UNAVAILABLE", f"the ledger cannot be read: {error}") from None
    finally:
        database.close()
    return _decoded(*row) if row else None


def peek_shared(client: Any) -> Account | None:
    """Return the account of all hosts. Raises Refused."""
    import redis

    try:
        return _shared(client.get(REDIS_KEY))
    except (redis.RedisError, OSError) as error:
        name = type(error).__name__
        raise Refused("LEDGER_UNAVAILABLE", f"the shared ledger: {name}") from None


def connect(url: str) -> Any:
    """Return a client of Redis with short time-outs; nothing is sent yet."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        password=os.environ.get("BOT4_REDIS_PASSWORD") or None,
        socket_timeout=REDIS_S,
        socket_connect_timeout=REDIS_S,
        retry=Retry(NoBackoff(), 0),
    )


def _shared(text: bytes | None) -> Account | None:
    if text is None:
        return None
    length = len(_digest(""))
    return _decoded(text[length:].decode(errors="replace"), text[:length].decode(errors="replace"))


def _decoded(body: str, digest: str) -> Account | None:
    """Return the account, or None when it is not what was written: it then begins at its worst."""
    if _digest(body) != digest:
        return None
    try:
        return msgspec.json.decode(body.encode(), type=Account)
    except msgspec.DecodeError:
        return None


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
