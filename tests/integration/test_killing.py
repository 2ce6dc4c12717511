"""The judge of the killed host finds what is planted."""

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.killing import account, unconfirmed


def packet(op: str, at: int = 0, **message: Any) -> dict[str, Any]:
    return {"kind": "packet", "read_ns": at, "outcome": "accepted", "msg": {"op": op, **message}}


def entry(run: int, number: int) -> dict[str, Any]:
    return packet("new", id=f"trend.{run:x}.1.{number}", intent="OPEN", reduce_only=False, qty="1")


def stop(run: int, number: int, at: int = 0) -> dict[str, Any]:
    return packet("new", at, id=f"trend.{run:x}.1.{number}", intent="REDUCE", reduce_only=True,
                  stop="90", qty="1")  # fmt: skip


def filled(run: int, number: int, at: int = 0, left: str = "0") -> dict[str, Any]:
    return {"kind": "fill", "mono_ns": at, "id": f"trend.{run:x}.1.{number}", "side": "buy",
            "qty": "1", "left": left}  # fmt: skip


def test_what_is_as_it_should_be_passes() -> None:
    found = account([entry(7, 1), filled(7, 1), stop(7, 2), entry(8, 1), filled(8, 1)])
    assert (found.wrong, found.position, found.stops()) == ([], 2, ["trend.7.1.2"])


def test_an_entry_beside_another_one_is_doubled_and_forgotten_when_it_is_of_an_earlier_run() -> (
    None
):
    assert [w[:7] for w in account([entry(7, 1), entry(7, 2)]).wrong] == ["doubled"]
    wrong = account([entry(7, 1), filled(7, 1, left="0.5"), entry(8, 1)]).wrong
    assert [w[:9] for w in wrong] == ["doubled: ", "forgotten"]


def test_an_id_that_was_accepted_twice_is_doubled() -> None:
    wrong = account([entry(7, 1), filled(7, 1), entry(7, 1)]).wrong
    assert wrong == ["doubled: trend.7.1.1 was accepted twice"]


def test_an_order_that_is_taken_off_or_refused_is_none() -> None:
    gone = packet("cancel", id="trend.7.1.1")
    refused = {**entry(8, 1), "outcome": "rejected:BAD_QTY"}
    assert account([entry(7, 1), gone, refused, entry(8, 2)]).wrong == []


def test_a_claim_that_the_venue_does_not_bear_out_is_named(tmp_path: Path) -> None:
    second = 10**9
    record = tmp_path / "venue.jsonl"
    rows = [entry(7, 1), filled(7, 1, second), stop(7, 2, 2 * second), entry(7, 3)]
    rows[-1]["read_ns"] = 5 * second
    record.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    assert unconfirmed(record, [(3 * second, D(1), 1)]) == []
    assert unconfirmed(record, [(3 * second, D(2), 1)]) != []
    assert unconfirmed(record, [(3 * second, D(1), 0)]) != []
    # Something else is open as well, or the claim is of a time long before.
    assert unconfirmed(record, [(3 * second, D(1), 1), (6 * second, D(1), 1)]) != []
    assert unconfirmed(record, [(second // 2, D(1), 1)]) != []
