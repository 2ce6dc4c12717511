"""The ledger on a real disk and a real Redis: kills, races, damage, and a Redis that forgets."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host.enrich import ledger, money
from host.enrich.account import Limits, Refused
from host.enrich.ledger import Budget, RedisLedger, SqliteLedger
from tests.enrichment.kit import redis_server

NOW_S = money.month_bounds("2026-02")[0] + 20 * 86_400
LIMITS = Limits(ticks=10**6, requests=10**6, prices=(1, 1))
# Reserves, writes down what was billed as the API would, and settles; for ever.
SPENDER = """
import os, random, sys, time
from pathlib import Path
from host.enrich import ledger
from host.enrich.account import Limits, Refused
from host.enrich.ledger import Budget, RedisLedger, SqliteLedger
where, books, ticks, worst, until, now_s = sys.argv[1:]
kept = RedisLedger(ledger.connect(where)) if "://" in where else SqliteLedger(Path(where))
budget = Budget(kept, Limits(int(ticks), 10**6, (1, 1)), lambda account: None)
record = os.open(books, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
granted = 0
print("ready", flush=True)
while granted < int(until):
    try:
        key = budget.reserve(int(now_s), int(worst))
    except Refused as error:
        if error.code in ("BUDGET_SPENT", "AHEAD_OF_PACE"):
            break
        continue
    granted += 1
    cost = random.randint(0, int(worst))
    os.write(record, b"%d\\n" % cost)
    try:
        budget.settle(int(now_s), key, cost)
    except Refused:
        continue
"""


def spender(where: str, books: Path, ticks: int, worst: int, until: int) -> subprocess.Popen:
    command = [sys.executable, "-c", SPENDER, where, str(books), str(ticks), str(worst)]
    process = subprocess.Popen([*command, str(until), str(NOW_S)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def billed(books: Path) -> list[int]:
    return [int(line) for line in books.read_text().splitlines()] if books.exists() else []


def opened(kept: ledger.Ledger, limits: Limits = LIMITS) -> Budget:
    """A ledger that is known since the month began: the write-off of a new one is not the topic."""
    budget = Budget(kept, limits, lambda account: None)

    def at_zero(_kept: object, epoch: str) -> ledger.Account:
        return ledger.Account(money.month_of(NOW_S), NOW_S, epoch=epoch)

    kept.change(at_zero)
    return budget


def test_a_process_that_is_killed_anywhere_forgets_no_money(tmp_path: Path) -> None:
    path, books = tmp_path / "ledger.sqlite", tmp_path / "books"
    budget = opened(SqliteLedger(path))
    kills = 0
    for _kill in range(12):
        process = spender(str(path), books, LIMITS.ticks, 100, 10**9)
        time.sleep(random.uniform(0.02, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        account = budget.look(NOW_S)
        spent = billed(books)
        assert sum(spent) <= account.committed
        assert len(spent) <= account.requests
        assert account.committed - sum(spent) <= 100 * kills  # and invents none
    print(f"{kills} kills, {len(billed(books))} requests, {sum(billed(books))} ticks billed")
    assert len(billed(books)) > kills


def test_two_processes_on_one_redis_share_one_budget(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        kept = RedisLedger(ledger.connect(server.url))
        limits = Limits(60_000, 10**6, (1, 1))
        budget = opened(kept, limits)
        books = tmp_path / "books"
        both = [spender(server.url, books, 60_000, 100, 10**9) for _host in range(2)]
        for process in both:
            process.communicate(timeout=60)
        spent, account = billed(books), budget.look(NOW_S)
        most = money.allowance(limits.ticks, account.month, NOW_S)
        print(f"two processes: {len(spent)} requests, {sum(spent)} of {most} ticks")
        assert sum(spent) <= account.committed <= most
        assert account.committed > most - 100
        assert len(spent) == account.requests


def test_a_redis_that_forgot_gives_no_new_money(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        kept = RedisLedger(ledger.connect(server.url))
        budget = opened(kept)
        key = budget.reserve(NOW_S, 5)
        budget.settle(NOW_S, key, 5)
        server.stop()
        with pytest.raises(Refused) as gone:
            budget.reserve(NOW_S, 5)
        assert gone.value.code == "LEDGER_UNAVAILABLE"
        server.start()
        budget = Budget(RedisLedger(ledger.connect(server.url)), LIMITS, lambda account: None)
        with pytest.raises(Refused) as empty:
            budget.reserve(NOW_S, 5)
        assert empty.value.code == "AHEAD_OF_PACE"
        most = money.allowance(LIMITS.ticks, "2026-02", NOW_S)
        assert budget.look(NOW_S).committed == most
        budget.reserve(NOW_S + 60, 5)


@pytest.mark.parametrize("harm", ["text", "digest", "file", "emptied"])
def test_a_damaged_ledger_begins_at_its_worst(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "ledger.sqlite"
    kept = SqliteLedger(path)
    opened(kept).reserve(NOW_S, 5)
    kept._database.close()
    if harm == "file":
        path.write_bytes(os.urandom(8192))
    elif harm == "emptied":
        path.unlink()
    else:
        import sqlite3

        with sqlite3.connect(path) as damaged:
            column = "body = '{}'" if harm == "text" else "digest = 'x'"
            damaged.execute(f"UPDATE account SET {column}")
        damaged.close()
    budget = Budget(SqliteLedger(path), LIMITS, lambda account: None)
    with pytest.raises(Refused) as caught:
        budget.reserve(NOW_S, 5)
    assert caught.value.code == "AHEAD_OF_PACE"
    assert budget.look(NOW_S).committed == money.allowance(LIMITS.ticks, "2026-02", NOW_S)
    aside = list(tmp_path.glob("ledger.sqlite.damaged-*"))
    assert len(aside) == (1 if harm == "file" else 0)


def test_a_ledger_that_cannot_be_written_refuses(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    kept = SqliteLedger(tmp_path / "taken" / "ledger.sqlite")
    with pytest.raises(Refused) as caught:
        Budget(kept, LIMITS, lambda account: None).reserve(NOW_S, 5)
    assert caught.value.code == "LEDGER_UNAVAILABLE"


def test_looking_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    assert ledger.peek(path) is None
    assert not path.exists()
    opened(SqliteLedger(path)).reserve(NOW_S, 5)
    account = ledger.peek(path)
    assert account is not None
    assert account.committed == 5
