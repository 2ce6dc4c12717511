"""What a version finds that another one has left: it is read, or refused in one line and kept."""

import hashlib
import json
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host import moderecord
from host.audit import AuditBroken
from host.audit.record import ZERO_HASH, encode_data, seal, segment_name
from host.audit.verify import verify
from host.audit.writer import AuditWriter
from host.backup.places import Places
from host.backup.restore import restore
from host.config import DEFAULT
from host.engine.emergency.progress import Progress
from host.enrich import files, ledger
from host.execution import journal
from host.execution.journal import Journal
from host.modes import Reason
from host.plan import ladder_beside
from tests.audit import witnessed
from tests.operations.test_backup import LIMITS, NOW_S

# Made by the first version that could; never made anew: it stands for hosts that are out there.
FIRST = Path(__file__).with_name("state-1.tar.gz")


def old_log(folder: Path, version: int) -> Path:
    """A log that was opened in another format."""
    folder.mkdir(parents=True)
    data = encode_data({"host_id": "pi", "boot_id": "b", "format": version})
    line, _digest = seal(1, 1, 1, "open", "recorder", data, ZERO_HASH)
    (folder / segment_name(1)).write_bytes(line)
    return folder


def test_the_state_of_the_first_version_is_read_and_gone_on_with(tmp_path: Path) -> None:
    places = Places(tmp_path / "audit", tmp_path / "run", tmp_path / "enrich")
    restore(FIRST, places)
    before = verify(places.audit_dir, witness_key=witnessed.KEY)
    with AuditWriter(places.audit_dir, host_id="h") as log:
        log.append("upgraded", "test", {})
    after = verify(places.audit_dir, witness_key=witnessed.KEY)
    assert before.verified
    assert after.verified
    assert after.records == before.records + 3
    found = Journal(places.run_dir / "orders-paper.journal")
    assert (found.left.run, found.left.faults) == (7, [])
    assert found.left.account is not None
    assert Progress(ladder_beside(places.audit_dir)).unfinished() == Reason.DRAWDOWN
    account = ledger.peek(places.enrich_dir / files.LEDGER)
    assert account is not None
    assert account.seen_s == NOW_S


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_log_of_another_format_is_not_continued(tmp_path: Path, version: int) -> None:
    folder = old_log(tmp_path / "audit", version)
    was = (folder / segment_name(1)).read_bytes()
    with pytest.raises(
        AuditBroken, match=f"a log of format {version!r}, and this version writes 1"
    ):
        AuditWriter(folder, host_id="pi")
    assert (folder / segment_name(1)).read_bytes() == was


def test_the_recorder_says_so_in_one_line_and_the_host_does_not_start(tmp_path: Path) -> None:
    folder = old_log(tmp_path / "audit", 2)
    command = [
        sys.executable,
        "-m",
        "host.recorder",
        str(tmp_path),
        str(folder),
        "pi",
        str(DEFAULT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"recorder: {folder}: a log of format 2, and this version writes 1\n")


def test_a_mode_record_of_another_format_is_emergency(tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    record = {"version": 2, "host_id": "pi", "mode": "NORMAL", "reason": "REARMED", "epoch": 3,
              "wall_ns": 1}  # fmt: skip
    moderecord.beside(audit).write_text(json.dumps(record))
    assert moderecord.begin(audit, "pi", time.time_ns()).reason == Reason.MODE_RECORD


def test_an_unfinished_ladder_of_another_format_is_still_unfinished(tmp_path: Path) -> None:
    path = ladder_beside(tmp_path / "audit")
    path.write_text('{"reason": "DRAWDOWN", "rung": 3}')
    assert Progress(path).unfinished() == Reason.GUARD_FAULT


def test_a_journal_of_another_format_is_kept_and_told(tmp_path: Path) -> None:
    path = tmp_path / "orders-paper.journal"
    Journal(path).close()
    with path.open("r+b") as file:
        file.seek(8)
        file.write(struct.pack("<Q", journal.VERSION + 1))
    was = path.read_bytes()
    left = Journal(path).left
    assert left.account is None
    assert left.faults == [
        f"{path.name} was a journal of format 2, this is 1: set aside as {path.name}.damaged"
    ]
    assert path.with_name(f"{path.name}.damaged").read_bytes() == was


def test_a_budget_of_another_format_begins_at_its_worst(tmp_path: Path) -> None:
    path = tmp_path / files.LEDGER
    kept = ledger.SqliteLedger(path)
    budget = ledger.Budget(kept, LIMITS, lambda _account: None)
    honest = budget.look(NOW_S + 10 * 86_400).committed
    kept.close()
    body = '{"month": "2027-01", "tokens": 1}'
    digest = hashlib.sha256(body.encode()).hexdigest()[:16]
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE account SET body = ?, digest = ?", (body, digest))
    connection.close()
    kept = ledger.SqliteLedger(path)
    found = ledger.Budget(kept, LIMITS, lambda _account: None).look(NOW_S + 10 * 86_400)
    kept.close()
    assert found.committed >= honest
    assert found.written_off > 0


def make(folder: Path) -> None:
    """How FIRST was made: `python -m tests.operations.test_upgrade FOLDER`."""
    from host.backup.making import make as back_up
    from host.execution.journal import Account
    from host.moderecord import ModeRecord

    places = Places(folder / "audit", folder / "run", folder / "enrich")
    places.run_dir.mkdir(parents=True)
    places.enrich_dir.mkdir()
    log, witness = witnessed.Log(), witnessed.Witness()
    witnessed.honest(random.Random(1), 60, log, witness)
    log.write(places.audit_dir)
    found = Journal(places.run_dir / "orders-paper.journal")
    found.begin(7)
    found.account(Account("cursor-9", qty=3, cash=-300))
    found.close()
    record = ModeRecord(1, "h", "NORMAL", "REARMED", 41, 1)
    moderecord.save(moderecord.beside(places.audit_dir), record)
    Progress(ladder_beside(places.audit_dir)).begun(Reason.DRAWDOWN)
    kept = ledger.SqliteLedger(places.enrich_dir / files.LEDGER)
    ledger.Budget(kept, LIMITS, lambda _account: None).look(NOW_S)
    kept.close()
    back_up(places, folder / FIRST.name, "h")
    shutil.move(folder / FIRST.name, FIRST)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
