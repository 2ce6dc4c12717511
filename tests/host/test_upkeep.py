"""What the recorder keeps in order beside the log: the mode on disk, and old segments."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from host import layout, moderecord, shm
from host.alerts import Deliverer
from host.audit.retention import PERIOD_NS, Keep, present
from host.audit.verify import verify
from host.audit.writer import AuditWriter
from host.config import Alerts
from host.recorder.loop import Recorder
from host.recorder.upkeep import Upkeep
from tests.audit.audit_logs import no_sync
from tests.audit.witnessed import KEY, Witness


class Host:
    """A recorder on a guard's page, without the guard's socket."""

    def __init__(self, folder: Path, keep: Keep) -> None:
        self.audit = folder / "audit"
        self.writer = AuditWriter(self.audit, host_id="pi", segment_bytes=3_000)
        self.upkeep = Upkeep(self.writer, "pi", keep)
        self.recorder = Recorder(folder, self.writer, Deliverer(Alerts(), "pi"), self.upkeep)
        self.page = shm.create(layout.KIND_GUARD, "test")
        self.recorder._follow("guard", self.page, 0)
        self.witness = Witness()

    def tell(self, kind: str, **data: object) -> None:
        event = {"kind": kind, "mono_ns": time.monotonic_ns(), "data": data}
        self.page.ring.push(msgspec.json.encode(event))
        self.recorder._record()

    def witnessed(self) -> None:
        """Answer the head that the recorder would show now."""
        showing = self.recorder._showing
        showing._opened_ns = 0
        shown = showing.due(time.monotonic_ns(), *self.writer.head)
        if shown is not None:
            receipt = self.witness.show(*shown) or self.witness.receipt()
            receipt.pop("n")
            self.tell("receipt", **receipt)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with no_sync():
        host = Host(tmp_path, Keep(size_bytes=12_000))
        yield host
        host.writer.close()
    host.page.close()
    host.recorder.page.close()


def on_disk(host: Host) -> dict:
    return msgspec.json.decode(moderecord.beside(host.audit).read_bytes())


def test_every_mode_is_on_disk_once_its_record_is(host: Host) -> None:
    start = {"not_permitted": [], "mode": "EMERGENCY", "reason": "NOT_ARMED", "epoch": 5}
    host.tell("guard_started", **start)
    assert (on_disk(host)["epoch"], on_disk(host)["host_id"]) == (5, "pi")
    host.tell("mode", mode="PAUSED", reason="REARMED", epoch=6, detail="")
    assert (on_disk(host)["mode"], on_disk(host)["epoch"]) == ("PAUSED", 6)
    host.tell("halt_rose")
    assert on_disk(host)["epoch"] == 6
    beginning = moderecord.begin(host.audit, "pi", time.time_ns())
    assert beginning.epoch > 6


def test_a_mode_that_cannot_be_saved_fails_the_recorder_until_it_can(host: Host) -> None:
    moderecord.beside(host.audit).mkdir()
    failing = host.recorder.page.words
    host.tell("mode", mode="PAUSED", reason="REARMED", epoch=6, detail="")
    assert failing.load(layout.RECORDER_FAILING) == 1
    host.recorder._record()
    assert failing.load(layout.RECORDER_FAILING) == 1
    moderecord.beside(host.audit).rmdir()
    host.recorder._record()
    assert failing.load(layout.RECORDER_FAILING) == 0
    assert on_disk(host)["epoch"] == 6


def grow(host: Host, rounds: int) -> None:
    for number in range(rounds):
        host.tell("session", number=number)
        host.witnessed()
        host.upkeep._retention._looked_ns -= PERIOD_NS  # the next look is due


def test_the_running_recorder_retires_what_is_vouched_for(host: Host) -> None:
    grow(host, 120)
    assert present(host.audit)[0].name != "audit-000001.jsonl"
    report = verify(host.audit, witness_key=KEY, settle_s=0)
    assert report.verified, report.reason
    assert report.retired > 0


def test_receipts_that_nobody_asked_for_retire_nothing(host: Host) -> None:
    for number in range(120):
        host.tell("session", number=number)
        count, head = host.writer.head
        receipt = Witness(1, number + 1, count, head).receipt()
        receipt.pop("n")
        host.tell("receipt", **receipt)
        host.upkeep._retention._looked_ns -= PERIOD_NS
    assert present(host.audit)[0].name == "audit-000001.jsonl"


def test_a_segment_that_cannot_go_is_an_alert_once(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    grow(host, 120)
    lines = b"".join(path.read_bytes() for path in present(host.audit)).split(b"\n")[:-1]
    alerts = [r["data"] for r in map(msgspec.json.decode, lines) if r["kind"] == "alert"]
    assert [alert["code"] for alert in alerts] == ["RETENTION_FAILED"]
    assert "Read-only file system" in alerts[0]["error"]
    assert present(host.audit)[0].name == "audit-000001.jsonl"
