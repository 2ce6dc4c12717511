"""Backup and restore: what comes back is what was there, and nothing altered, foreign or in use does."""

import io
import os
import random
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from host import moderecord
from host.audit.verify import verify
from host.audit.writer import AuditWriter
from host.backup import BackupError, archive
from host.backup.making import make
from host.backup.places import Places
from host.backup.restore import restore
from host.engine.emergency.progress import Progress
from host.enrich import account as accounts
from host.enrich import files, ledger
from host.enrich.account import Limits
from host.execution.journal import Account, Journal
from host.moderecord import ModeRecord
from host.modes import Reason
from host.plan import ladder_beside
from host.supervisor import lock_run_dir
from tests.audit import witnessed

LIMITS = Limits(10**9, 1000, (1, 1))
NOW_S = 1_800_000_000


def places(folder: Path) -> Places:
    return Places(folder / "state" / "audit", folder / "run", folder / "state" / "enrich")


@pytest.fixture
def old(tmp_path: Path) -> Places:
    """A host that has traded: log with receipts, journal, mode, unfinished ladder, budget, evidence."""
    found = places(tmp_path / "old")
    found.audit_dir.parent.mkdir(parents=True)
    found.run_dir.mkdir()
    log, witness = witnessed.Log(), witnessed.Witness()
    witnessed.honest(random.Random(1), 60, log, witness)
    log.write(found.audit_dir)
    journal = Journal(found.run_dir / "orders-paper.journal")
    journal.begin(7)
    journal.account(Account("cursor-9", qty=3, cash=-300))
    journal.close()
    moderecord.save(
        moderecord.beside(found.audit_dir), ModeRecord(1, "pi", "NORMAL", "REARMED", 41, 1)
    )
    Progress(ladder_beside(found.audit_dir)).begun(Reason.DRAWDOWN)
    found.enrich_dir.mkdir()
    kept = ledger.SqliteLedger(found.enrich_dir / files.LEDGER)
    budget = ledger.Budget(kept, LIMITS, lambda _account: None)
    budget.look(NOW_S)
    kept.close()
    evidence = found.audit_dir.with_name("evidence")
    evidence.mkdir()
    (evidence / "hardware-x.signed.json").write_text("{}")
    (evidence / "notes.txt").write_text("not ours")
    (found.run_dir / "config.toml").write_text("secret")
    return found


@pytest.fixture
def saved(old: Places, tmp_path: Path) -> Path:
    made = make(old, tmp_path / "backup.tar.gz", "pi")
    assert made.manifest.log is not None
    assert made.manifest.log.verified
    return tmp_path / "backup.tar.gz"


def test_what_was_there_comes_back(old: Places, saved: Path, tmp_path: Path) -> None:
    new = places(tmp_path / "new")
    done = restore(saved, new)
    before, after = (verify(place.audit_dir, witness_key=witnessed.KEY) for place in (old, new))
    assert after.verified
    assert (after.records, after.head, after.receipts) == (
        before.records,
        before.head,
        before.receipts,
    )
    left = Journal(new.run_dir / "orders-paper.journal").left
    assert (left.run, left.faults) == (7, [])
    assert left.account is not None
    assert left.account.cursor == "cursor-9"
    assert (new.audit_dir.with_name("evidence") / "hardware-x.signed.json").read_text() == "{}"
    assert done.unfinished == "DRAWDOWN"
    assert Progress(ladder_beside(new.audit_dir)).unfinished() == Reason.DRAWDOWN
    assert saved.stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o077 == 0 for path in done.paths)
    assert not list(new.audit_dir.parent.glob(".bot4-restore-*"))


def test_only_what_is_named_gets_in(saved: Path) -> None:
    with tarfile.open(saved) as tar:
        names = {name.partition("/")[0] for name in tar.getnames()}
        assert names == {"audit", "state", "journals", "enrich", "evidence", "manifest.json"}
        assert not [name for name in tar.getnames() if "config" in name or "notes" in name]


def test_a_host_that_was_restored_begins_in_emergency_above_every_epoch(
    saved: Path, tmp_path: Path
) -> None:
    new = places(tmp_path / "new")
    restore(saved, new)
    beginning = moderecord.begin(new.audit_dir, "pi", time.time_ns())
    assert beginning.reason == Reason.MODE_RECORD
    assert beginning.epoch > 41 + moderecord.EPOCH_GAP


def test_what_was_spent_after_the_backup_is_written_off(
    old: Places, saved: Path, tmp_path: Path
) -> None:
    new = places(tmp_path / "new")
    restore(saved, new)
    account = ledger.peek(new.enrich_dir / files.LEDGER)
    assert account is not None
    later_s = NOW_S + 86_400
    accounts.follow(account, LIMITS, later_s, "disk")
    worst = accounts.begin(LIMITS, later_s, "disk")
    assert account.committed >= worst.committed > 0
    untouched = ledger.peek(old.enrich_dir / files.LEDGER)
    assert untouched is not None
    assert untouched.epoch == "disk"


def test_a_check_puts_nothing_anywhere_and_works_beside_a_running_host(
    saved: Path, tmp_path: Path
) -> None:
    new = places(tmp_path / "new")
    done = restore(saved, new, check_only=True)
    assert done.unfinished == "DRAWDOWN"
    assert len(done.paths) == len(done.manifest.files) - 1
    assert not [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    old = places(tmp_path / "old")
    before = {path: path.stat() for path in (tmp_path / "old").rglob("*") if path.is_file()}
    with lock_run_dir(old.run_dir):
        assert restore(saved, old, check_only=True).manifest.log is not None
    after = {path: path.stat() for path in before}
    assert [(stat.st_ino, stat.st_size) for stat in after.values()] == [
        (stat.st_ino, stat.st_size) for stat in before.values()
    ]
    saved.write_bytes(saved.read_bytes()[:-20])
    with pytest.raises(BackupError):
        restore(saved, old, check_only=True)


def contents(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    archive.read(path, lambda name, parts: found.__setitem__(name, b"".join(parts)))
    return found


def test_every_changed_byte_is_found(saved: Path, tmp_path: Path) -> None:
    """Refused and nothing put back, at many places and at every byte of head and end.

    But for the few bits with which deflate fills its last byte, and which mean nothing.
    """
    good, wanted = saved.read_bytes(), contents(saved)
    rng = random.Random(2)
    spots = {*range(12), *range(len(good) - 12, len(good))}
    spots |= {rng.randrange(len(good)) for _ in range(150)}
    meaningless = 0
    for spot in sorted(spots):
        bad = bytearray(good)
        bad[spot] ^= 1 << rng.randrange(8)
        saved.write_bytes(bad)
        try:
            assert contents(saved) == wanted
            assert spot == len(good) - 9
            meaningless += 1
        except BackupError:
            with pytest.raises(BackupError) as refused:
                restore(saved, places(tmp_path / "new"))
            assert "\n" not in str(refused.value)
    print(f"\n{len(spots) - meaningless} of {len(spots)} changed bytes found")
    assert not [p for p in (tmp_path / "new").rglob("*") if p.is_file() and p.name != "run.lock"]


@pytest.mark.parametrize("length", [0, 5, 100, -1, -9, -2000])
def test_an_archive_that_was_cut_is_found(saved: Path, tmp_path: Path, length: int) -> None:
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(BackupError):
        restore(saved, places(tmp_path / "new"))


def rebuilt(path: Path, change: dict[str, bytes | None], extra: tuple[tarfile.TarInfo, ...] = ()):
    """Write the archive anew, as somebody would who alters it on purpose but leaves the manifest."""
    with tarfile.open(path) as tar:
        content = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    writer = archive.Writer(path.with_name("altered.tar.gz"))
    manifest = msgspec.json.decode(content.pop(archive.MANIFEST), type=archive.Manifest)
    for name, data in (content | change).items():
        if data is not None:
            writer.add(name, io.BytesIO(data), len(data))
    for info in extra:
        writer._tar.addfile(info)
    writer.finish(manifest)
    writer.give_up()
    return path.with_name("altered.tar.gz")


def link(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("change", "extra", "words"),
    [
        ({"audit/audit-000001.jsonl": b"{}\n"}, (), "not as it was written"),
        ({"state/ladder.json": None}, (), "ladder.json: missing"),
        ({"evidence/more.signed.json": b"{}"}, (), "added"),
        ({"../../outside": b""}, (), "does not belong"),
        ({"journals/../../x": b""}, (), "does not belong"),
        ({"evidence/../x.signed.json": b""}, (), "does not belong"),
        ({"/etc/x": b""}, (), "does not belong"),
        ({"audit/link.key": b""}, (), "does not belong"),
        ({}, (link("audit/audit-000009.jsonl"),), "no plain file"),
    ],
)
def test_an_altered_archive_is_refused(
    saved: Path, tmp_path: Path, change: dict, extra: tuple, words: str
) -> None:
    bad = rebuilt(saved, change, extra)
    with pytest.raises(BackupError, match=words):
        restore(bad, places(tmp_path / "new"))
    assert not [p for p in (tmp_path / "new").rglob("*") if p.is_file() and p.name != "run.lock"]


def test_an_archive_with_a_log_that_does_not_verify_is_refused(saved: Path, tmp_path: Path) -> None:
    """Altered with its manifest: what the digests cannot find, the chain does."""
    with tarfile.open(saved) as tar:
        content = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    manifest = msgspec.json.decode(content.pop(archive.MANIFEST), type=archive.Manifest)
    name = "audit/audit-000001.jsonl"
    lines = content[name].splitlines(keepends=True)
    content[name] = b"".join(lines[:5] + lines[6:])
    writer = archive.Writer(tmp_path / "altered.tar.gz")
    for member, data in content.items():
        writer.add(member, io.BytesIO(data), len(data))
    writer.finish(msgspec.structs.replace(manifest, files=writer.members))
    writer.give_up()
    with pytest.raises(BackupError, match="does not verify"):
        restore(tmp_path / "altered.tar.gz", places(tmp_path / "new"))


def test_a_backup_of_another_format_is_refused_in_words(saved: Path, tmp_path: Path) -> None:
    writer = archive.Writer(tmp_path / "other.tar.gz")
    writer.finish(archive.Manifest(2, "9.9", "pi", 1, None, []))
    writer.give_up()
    with pytest.raises(BackupError, match="format 2, this version reads 1"):
        restore(tmp_path / "other.tar.gz", places(tmp_path / "new"))


def occupied(new: Places) -> Iterator[Path]:
    for path in (
        new.audit_dir / "audit-000001.jsonl",
        new.run_dir / "orders-paper.journal",
        new.enrich_dir / files.LEDGER,
        ladder_beside(new.audit_dir),
        new.audit_dir.with_name("evidence") / "hardware-x.signed.json",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        yield path
        path.unlink()


def test_nothing_is_overwritten(saved: Path, tmp_path: Path) -> None:
    new = places(tmp_path / "new")
    for path in occupied(new):
        with pytest.raises(BackupError, match="overwrites nothing"):
            restore(saved, new)
        assert path.read_text() == "mine"
        others = [p for p in (tmp_path / "new").rglob("*") if p.is_file() and p != path]
        assert [p.name for p in others] in ([], ["run.lock"])


def test_nothing_is_put_beside_a_running_host(saved: Path, tmp_path: Path) -> None:
    new = places(tmp_path / "new")
    with lock_run_dir(new.run_dir), pytest.raises(BackupError, match="another host runs in"):
        restore(saved, new)
    assert restore(saved, new).paths


def test_a_move_that_fails_takes_the_others_back(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    moved = []

    def move(source: Path, target: Path) -> None:
        if len(moved) == 3:
            raise OSError(28, "No space left on device", str(target))
        moved.append(shutil.copyfile(source, target))

    monkeypatch.setattr("host.backup.restore.shutil.move", move)
    with pytest.raises(BackupError, match="No space left"):
        restore(saved, places(tmp_path / "new"))
    assert len(moved) == 3
    assert not any(path.exists() for path in moved)


def test_a_log_that_is_being_written_is_backed_up_to_a_whole_record(tmp_path: Path) -> None:
    """Backups beside a writer: each restores, each is a beginning of the log, none is torn."""
    live = places(tmp_path / "live")
    live.audit_dir.parent.mkdir(parents=True)
    live.run_dir.mkdir()
    stop = threading.Event()
    journal = Journal(live.run_dir / "orders-paper.journal", slots=64)

    def write() -> None:
        with AuditWriter(live.audit_dir, host_id="pi", segment_bytes=20_000) as writer:
            while not stop.is_set():
                writer.append("x", "test", {"text": "y" * 150})
                writer.commit()
                journal.account(Account(f"c{time.monotonic_ns()}", qty=1, cash=2))
                journal.tend()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        time.sleep(0.1)
        ends = []
        for number in range(4):
            path = tmp_path / f"{number}.tar.gz"
            make(live, path, "pi")
            new = places(tmp_path / str(number))
            log = restore(path, new).manifest.log
            assert log is not None
            assert verify(new.audit_dir, settle_s=0).records == log.records
            assert not Journal(new.run_dir / "orders-paper.journal", slots=64).left.faults
            ends.append(log.records)
    finally:
        stop.set()
        thread.join()
    assert ends == sorted(set(ends))
    assert verify(live.audit_dir).verified
    print(f"\nbackups of a log that grows: records {ends}")


def test_a_broken_log_is_backed_up_and_said_to_be_broken(old: Places, tmp_path: Path) -> None:
    segment = old.audit_dir / "audit-000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b'"order"', b'"ordex"', 1))
    made = make(old, tmp_path / "b.tar.gz", "pi")
    assert made.manifest.log is not None
    assert not made.manifest.log.verified
    assert restore(tmp_path / "b.tar.gz", places(tmp_path / "new")).manifest.log is not None


def test_what_cannot_be_backed_up_is_one_line_and_no_file(old: Places, tmp_path: Path) -> None:
    out = tmp_path / "b.tar.gz"
    with pytest.raises(BackupError, match="no log, and no state"):
        make(places(tmp_path / "nothing"), out, "pi")
    (old.enrich_dir / files.LEDGER).write_bytes(b"no database, but long enough to be looked at" * 9)
    with pytest.raises(BackupError, match="not a database"):
        make(old, out, "pi")
    assert not list(tmp_path.glob("b.tar.gz*"))
    out.write_text("mine")
    with pytest.raises(BackupError, match="is there already"):
        make(old, out, "pi")
    assert out.read_text() == "mine"
    with pytest.raises(BackupError, match="No such file"):
        make(old, tmp_path / "no" / "b", "pi")


def test_a_ledger_in_use_is_copied_as_of_one_moment(old: Places, tmp_path: Path) -> None:
    held = sqlite3.connect(old.enrich_dir / files.LEDGER)
    held.execute("PRAGMA journal_mode=WAL")
    held.execute("BEGIN IMMEDIATE")
    held.execute("UPDATE account SET body = 'half'")
    make(old, tmp_path / "b.tar.gz", "pi")
    held.rollback()
    held.close()
    new = places(tmp_path / "new")
    restore(tmp_path / "b.tar.gz", new)
    assert ledger.peek(new.enrich_dir / files.LEDGER) is not None


def run(*words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bot4", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def options(where: Places, config: Path) -> list[object]:
    return ["--audit-dir", where.audit_dir, "--run-dir", where.run_dir, "--config", config]


def test_the_commands(old: Places, tmp_path: Path) -> None:
    from host.config import DEFAULT

    configs = []
    for place in (old, new := places(tmp_path / "new")):
        place.enrich_dir.parent.mkdir(parents=True, exist_ok=True)
        file = tmp_path / f"{len(configs)}.toml"
        file.write_text(DEFAULT.read_text() + f'\n[enrichment]\nstate_dir = "{place.enrich_dir}"\n')
        configs.append(file)
    out = tmp_path / "b.tar.gz"
    said = run("backup", out, *options(old, configs[0]), "--json")
    assert (said.returncode, said.stderr) == (0, "")
    told = msgspec.json.decode(said.stdout)
    assert told["manifest"]["log"]["verified"] is True
    digest = told["sha256"]
    bad = run("restore", out, *options(new, configs[1]), "--sha256", "0" * 64)
    assert (bad.returncode, bad.stderr.count("\n")) == (2, 1)
    said = run("restore", out, *options(new, configs[1]), "--sha256", digest, "--check")
    assert said.returncode == 0
    said = run("restore", out, *options(new, configs[1]), "--sha256", digest)
    assert said.returncode == 0
    assert "an unfinished liquidation (DRAWDOWN)" in said.stdout
    assert (new.enrich_dir / files.LEDGER).is_file()
    again = run("restore", out, *options(new, configs[1]))
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    missing = run("restore", tmp_path / "none", *options(places(tmp_path / "x"), configs[1]))
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_restores_belongs_to_the_host(saved: Path, tmp_path: Path) -> None:
    new = places(tmp_path / "new")
    for folder in (new.audit_dir.parent, new.run_dir):
        folder.mkdir(parents=True)
        os.chown(folder, 65534, 65534)
    for path in restore(saved, new).paths:
        assert path.stat().st_uid == path.parent.stat().st_uid == 65534
