"""The open orders of an engine that stays down, read back from the log."""

from pathlib import Path

from host.audit.writer import AuditWriter
from host.enginelost import ORDERS_PER_ALERT, alerts, last_orders
from tests.audit.audit_logs import no_sync

NEW = {"op": "new", "side": "buy", "type": "limit", "qty": "2", "price": "10"}


def log(tmp_path: Path, *events: tuple[str, dict]) -> Path:
    with no_sync():
        with AuditWriter(tmp_path / "audit", host_id="pi") as writer:
            for kind, data in events:
                writer.append(kind, "engine", data)
    return tmp_path / "audit"


def order(order_id: str, **changed: str) -> tuple[str, dict]:
    return "order", {**NEW, "id": order_id, **changed}


def test_what_was_sent_and_has_not_ended_is_open(tmp_path: Path) -> None:
    audit = log(
        tmp_path,
        order("a"), order("b"), order("c"), order("d"), order("e"),
        ("order_refused", {**NEW, "id": "f", "code": "HALTED"}),
        ("slice", {**NEW, "id": "g", "outcome": "HALTED"}),
        ("slice", {**NEW, "id": "h", "outcome": "SENT"}),
        ("fill", {"id": "a", "qty": "2", "left": "0", "side": "buy", "price": "10"}),
        ("fill", {"id": "b", "qty": "1", "left": "1", "side": "buy", "price": "10"}),
        ("cancelled", {"id": "c", "reason": ""}),
        ("reject", {"id": "d", "reason": "x"}),
    )  # fmt: skip
    found = last_orders(audit)
    assert list(found) == ["b", "e", "h"]
    assert found["b"]["qty"] == "1"


def test_after_the_last_rung_only_the_stops_remain(tmp_path: Path) -> None:
    events = [order("a"), order("s", type="stop_market")]
    kept = ("rung", {"rung": "HALTED", "stops": 1})
    assert list(last_orders(log(tmp_path, *events, kept))) == ["s"]
    gone = ("rung", {"rung": "HALTED", "stops": 0})
    assert last_orders(log(tmp_path / "2", *events, gone)) == {}


def test_every_order_is_named_in_alerts_that_fit_into_the_ring(tmp_path: Path) -> None:
    names = [f"trend.18c2f0a1b2c.4294967295.{n}" for n in range(2 * ORDERS_PER_ALERT + 1)]
    told = alerts(log(tmp_path, *(order(name, qty="0.00012345") for name in names)), "signal 9")
    assert len(told) == 3
    assert [line.split()[0] for alert in told for line in alert["orders"]] == names
    assert {alert["open_orders"] for alert in told} == {len(names)}
    assert max(len(str(alert)) for alert in told) < 900


def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    told = alerts(tmp_path / "none", "signal 9")
    assert len(told) == 1
    assert told[0]["known"].startswith("not known")
    audit = log(tmp_path, order("a"))
    segment = audit / "audit-000001.jsonl"
    segment.write_bytes(segment.read_bytes() + b"garbage\n")
    assert alerts(audit, "x")[0]["known"].startswith("not known")
