"""The recorder tells people, and keeps what it could not tell them in the audit log."""

import socket
import time
from pathlib import Path

import msgspec
import pytest

from host import layout, shm
from host.alerts import Deliverer
from host.audit.retention import Keep
from host.audit.writer import AuditWriter
from host.config import Alerts
from host.recorder.loop import Recorder
from host.recorder.upkeep import Upkeep


def test_an_alert_that_cannot_be_delivered_is_on_record(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    writer = AuditWriter(tmp_path / "audit", host_id="pi")
    wanted = Alerts(webhook_url=f"http://127.0.0.1:{port}/", timeout_s=1.0)
    upkeep = Upkeep(writer, "pi", Keep())
    recorder = Recorder(tmp_path, writer, Deliverer(wanted, "pi"), upkeep)
    page = shm.create(layout.KIND_ENGINE, "test")
    recorder._follow("engine", page, 0)
    event = {"kind": "alert", "mono_ns": 5, "data": {"code": "DUST_LEFT"}}
    page.ring.push(msgspec.json.encode(event))
    deadline = time.monotonic() + 10
    kinds: list[str] = []
    while "alert_undelivered" not in kinds and time.monotonic() < deadline:
        recorder._record()
        text = b"".join(file.read_bytes() for file in (tmp_path / "audit").glob("*.jsonl"))
        records = [msgspec.json.decode(line) for line in text.split(b"\n")[:-1]]
        kinds = [record["kind"] for record in records]
    recorder._deliverer.close()
    writer.close()
    assert kinds.index("alert") < kinds.index("alert_undelivered")
    assert records[-1]["data"]["what"] == "DUST_LEFT"
    assert "refused" in records[-1]["data"]["why"]
    assert "<2>bot4 alert" in capsys.readouterr().err
    page.close()
    recorder.page.close()


def test_what_an_engine_spoils_in_its_ring_ends_nothing_and_is_on_record(tmp_path: Path) -> None:
    writer = AuditWriter(tmp_path / "audit", host_id="pi")
    upkeep = Upkeep(writer, "pi", Keep())
    recorder = Recorder(tmp_path, writer, Deliverer(Alerts(), "pi"), upkeep)
    page = shm.create(layout.KIND_ENGINE, "test")
    recorder._follow("engine", page, 0)
    good = {"kind": "fill", "mono_ns": 5, "data": {"id": "a"}}
    spoilt: list[bytes] = [
        b"\xff\x00",
        b'{"kind":',
        b"[]",
        b'{"kind": 1, "mono_ns": 5, "data": {}}',
        b'{"kind": "fill", "mono_ns": 5, "data": [1]}',
        b'{"kind": "fill", "mono_ns": 1e99, "data": {}}',
        b'{"kind": "", "mono_ns": 5, "data": {}}',
        b'{"kind": "retired", "mono_ns": 5, "data": {}}',
        b'{"kind": "receipt", "mono_ns": 5, "data": {"number": 1}}',
        b'{"kind": "fill", "mono_ns": 5, "data": {"x": ' + b"[" * 900,
    ]
    for message in (*spoilt, msgspec.json.encode(good)):
        page.ring.push(message)
    while recorder._record():
        pass
    page.words.store(layout.RING_HEAD, 3)  # back
    while recorder._record():
        pass
    page.ring.push(msgspec.json.encode(good))
    while recorder._record():
        pass
    writer.close()
    text = b"".join(file.read_bytes() for file in sorted((tmp_path / "audit").glob("*.jsonl")))
    records = [msgspec.json.decode(line) for line in text.split(b"\n")[:-1]]
    kinds = [record["kind"] for record in records if record["kind"] not in ("open", "close")]
    places = [record["data"]["n"] for record in records if record["kind"] == "unreadable_event"]
    assert places == list(range(len(spoilt)))
    assert kinds[-3:] == ["fill", "lost_events", "fill"]
    recorder._deliverer.close()
    page.close()
    recorder.page.close()
