"""The words of the protocol: every one is in its table, and every request is understood."""

from typing import get_args

import msgspec
import pytest

from host.venues import messages as m
from host.venues import page, reasons

NUMBERS = {"req": 1, "timeout_ms": 1}
TEXTS = {
    "role": "trade", "intent": "REDUCE", "side": "buy", "type": "limit", "id": "a.1.1.1",
    "stop_id": "a.1.1.2", "qty": "1", "price": "1", "stop": "1", "since": "",
}  # fmt: skip


def test_every_reason_is_in_a_table_and_every_row_is_a_reason() -> None:
    named = {
        value for name, value in vars(reasons).items() if isinstance(value, str) and name.isupper()
    }
    assert named == reasons.REFUSED.keys() | reasons.ENDED.keys()
    assert {getattr(m, name) for name in ("OFF_TICK", "SIBLING", "BAD_MESSAGE")} <= named


@pytest.mark.parametrize("kind", get_args(m.Message), ids=lambda kind: kind.__name__)
def test_every_request_is_understood_and_one_with_a_field_too_many_is_not(
    kind: type[msgspec.Struct],
) -> None:
    op = str(kind.__struct_config__.tag)
    needed = {field.name for field in msgspec.structs.fields(kind) if field.required}
    packet = {"op": op} | {k: v for k, v in (NUMBERS | TEXTS).items() if k in needed}
    if op == "cancel" or op == "cancel_all":
        packet["intent"] = "CANCEL"
    message = m.understand(msgspec.json.encode(packet))
    assert isinstance(message, kind)
    assert m.understand(m.encode(message)) == message  # type: ignore[arg-type]
    with pytest.raises(m.BadMessage) as refused:
        m.understand(msgspec.json.encode(packet | {"extra": 1}))
    assert refused.value.code == m.BAD_MESSAGE
    for name in needed:
        with pytest.raises(m.BadMessage):
            m.understand(msgspec.json.encode({k: v for k, v in packet.items() if k != name}))


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "\u00e4", "a/b", "a\n"])
def test_an_id_that_is_none_is_refused_in_every_request_that_names_an_order(name: str) -> None:
    for op, more in (
        ("new", {"intent": "OPEN", "side": "buy", "type": "market", "qty": "1"}),
        ("cancel", {"intent": "CANCEL"}),
        ("amend", {"intent": "OPEN"}),
        ("order", {"req": 1}),
    ):
        with pytest.raises(m.BadMessage):
            m.understand(msgspec.json.encode({"op": op, "id": name} | more))
    legs = {"op": "oco", "intent": "REDUCE", "side": "buy", "qty": "1", "price": "1", "stop": "2"}
    for ids in ({"id": name, "stop_id": "b"}, {"id": "b", "stop_id": name}):
        with pytest.raises(m.BadMessage):
            m.understand(msgspec.json.encode(legs | ids))


def test_every_word_is_on_the_page() -> None:
    text = page.text(lambda head, rows: "\n".join(" ".join(map(str, row)) for row in rows))
    for word in (*m.OPS, *reasons.REFUSED, *reasons.ENDED):
        assert word in text
