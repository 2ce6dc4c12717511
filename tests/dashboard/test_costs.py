"""What the enrichment costs is read from its files without a writable descriptor on any of them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from host.dashboard.costs import LONGEST_S, Apart, costs
from host.enrich import parts
from host.enrich.account import Limits
from host.enrich.database import Database, DatabaseUnavailable
from host.enrich.ledger import Budget, SqliteLedger
from host.enrich.money import TICKS_PER_USD
from host.enrich.records import HOUR_S, Hour, Records
from tests.enrichment import kit

QUIETLY: dict[str, Any] = {"capture_output": True, "text": True, "check": False}
BEGIN = """
import os, sys
from pathlib import Path
from host.dashboard import landlock, lowered
lowered.write_no_file()
print(landlock.read_only())
path = Path(sys.argv[1])
"""
LOOK = (
    BEGIN
    + """
from host.enrich.database import Database, DatabaseUnavailable
reader = Database(path, "", durable=False, make=False)
with reader.transaction() as connection:
    print(connection.execute("SELECT body FROM kept").fetchall())
    held = [entry for entry in Path("/proc/self/fd").iterdir()
            if entry.is_symlink() and str(entry.readlink()).startswith(str(path))]
    assert held
    print([str(entry.readlink()) for entry in held if entry.lstat().st_mode & 0o200])
try:
    with reader.transaction() as connection:
        connection.execute("INSERT INTO kept VALUES ('y')")
except DatabaseUnavailable as error:
    print(error)
"""
)
LOCKED = (
    BEGIN
    + """
for act in (lambda: path.open("ab"), path.unlink, (path.parent / "new").mkdir,
            lambda: path.rename(path.with_name("other"))):
    try:
        act()
    except OSError as error:
        print(type(error).__name__)
"""
)
NOW_S = 1_795_399_200


def spent(folder: Path) -> tuple[Budget, Records]:
    """Reserve, pay and record something in the files of `folder`, and leave them open."""
    state = folder / "state"
    settings = kit.settings(folder, "http://127.0.0.1:1")
    limits: Limits = parts.limits(settings)
    budget = Budget(SqliteLedger(state / parts.LEDGER), limits, lambda account: None)
    budget.look(NOW_S - 6 * HOUR_S)  # an account begins with nothing left until then
    key = budget.reserve(NOW_S, TICKS_PER_USD // 4)
    budget.settle(NOW_S, key, TICKS_PER_USD // 8)
    records = Records(state / parts.RECORDS)
    for hour in range(3):
        records.decided("first", Hour(NOW_S + hour * HOUR_S, 0.5, 10, 4, 2, 1))
    return budget, records


def test_cost_and_roi_are_those_of_the_files_while_they_are_written(tmp_path: Path) -> None:
    budget, records = spent(tmp_path)
    found = costs(kit.settings(tmp_path, "http://127.0.0.1:1"))
    assert (found.enabled, found.why, found.month) == (True, "", "2026-11")
    assert found.spent_usd == 0.125
    assert found.limit_usd == 10_000
    assert found.hit_rate == 0.5
    assert found.verdict is not None
    assert found.verdict.startswith("undecided")
    records.close()
    budget.ledger._database.close()  # type: ignore[attr-defined]
    assert costs(kit.settings(tmp_path, "http://127.0.0.1:1")) == found


def test_what_is_off_or_was_never_asked_is_not_known() -> None:
    assert costs(kit.settings(Path("/nowhere"), "http://127.0.0.1:1", enabled=False)).month is None
    found = costs(kit.settings(Path("/nowhere"), "http://127.0.0.1:1"))
    assert (found.enabled, found.spent_usd, found.hit_rate) == (True, None, None)


@pytest.mark.parametrize("in_use", [True, False])
def test_who_only_looks_opens_nothing_for_writing(tmp_path: Path, in_use: bool) -> None:
    path = tmp_path / "kept.sqlite"
    writer = Database(path, "CREATE TABLE IF NOT EXISTS kept (body TEXT);", durable=False)
    with writer.transaction() as connection:
        connection.execute("INSERT INTO kept VALUES ('x')")
    if not in_use:
        writer.close()
    # In a process of its own: descriptors of the writer are in this one, and Landlock is for good.
    done = subprocess.run([sys.executable, "-c", LOOK, str(path)], **QUIETLY)
    writer.close()
    assert done.returncode == 0, done.stderr
    known, content, writable, refused = done.stdout.splitlines()
    if known == "False":
        pytest.skip("this kernel has no Landlock")
    assert content == "[('x',)]"
    assert writable == "[]"
    assert "readonly" in refused


def test_a_look_apart_finds_the_same_and_never_waits(tmp_path: Path) -> None:
    budget, records = spent(tmp_path)
    settings = kit.settings(tmp_path, "http://127.0.0.1:1")
    apart = Apart()
    begun_s = time.monotonic()
    while apart.last is None and time.monotonic() - begun_s < 60:
        apart.turn(settings, time.monotonic())
        time.sleep(0.02)
    assert apart.last == costs(settings)
    apart.forget()
    assert apart.last is None
    apart.turn(settings, time.monotonic())
    apart.turn(settings, time.monotonic() + 3 * LONGEST_S)  # one that hangs is ended
    assert apart.last is not None
    apart.close()
    records.close()
    budget.ledger._database.close()  # type: ignore[attr-defined]


def test_landlock_keeps_every_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("x")
    done = subprocess.run([sys.executable, "-c", LOCKED, str(file)], **QUIETLY)
    assert done.returncode == 0, done.stderr
    if done.stdout == "False\n":
        pytest.skip("this kernel has no Landlock")
    assert done.stdout.split() == ["True", *["PermissionError"] * 4]
    assert file.read_text() == "x"


def test_a_damaged_file_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    path.write_bytes(b"no database at all" * 100)
    reader = Database(path, "", durable=False, make=False)
    with (
        pytest.raises(DatabaseUnavailable, match="not a database"),
        reader.transaction() as connection,
    ):
        connection.execute("SELECT * FROM kept")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.sqlite"]
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(path).execute("SELECT 1 FROM kept")
