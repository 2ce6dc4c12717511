"""What the reconciler says of orders, positions and silence."""

from decimal import Decimal as D
from typing import Any

from host.engine.provenance import Ids
from host.engine.reconciler import DIFFERS_IN_A_ROW, FIRST_REQ, MS, Reconciler

PERIOD_MS, DEADLINE_MS = 100, 500


class Talk:
    """A reconciler, what it asks and what it tells; `alert` is made as the engine makes it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.alerts: list[dict[str, Any]] = []
        self.ids = Ids("trend", 9)
        self.it = Reconciler(
            self.ids,
            PERIOD_MS,
            DEADLINE_MS,
            lambda op, req: self.asked.append((op, req)),
            lambda code, **data: self.alerts.append(dict(code=code, venue="paper", **data)),
        )

    def answer(self, qty: str, req: int | None = None) -> None:
        req = self.asked[-1][1] if req is None else req
        self.it.position({"ev": "position", "qty": qty, "req": req}, D(1))


def test_a_position_that_differs_again_and_again_is_an_alert_with_both_figures() -> None:
    talk = Talk()
    for turn in range(1, DIFFERS_IN_A_ROW + 1):
        assert not talk.it.strange
        talk.it.tick(turn * PERIOD_MS * MS)
        talk.answer("2")
    assert talk.it.strange
    assert talk.alerts == [
        {"code": "UNKNOWN_ORDER", "venue": "paper", "what": "POSITION", "ours": "1", "theirs": "2"}
    ]
    talk.it.clear()
    assert not talk.it.strange


def test_a_position_that_differs_now_and_then_is_a_fill_on_its_way() -> None:
    talk = Talk()
    for turn in range(1, 20):
        talk.it.tick(turn * PERIOD_MS * MS)
        talk.answer("2" if turn % DIFFERS_IN_A_ROW else "1")
    assert (talk.it.strange, talk.alerts) == (False, [])


def test_a_foreign_order_is_named_once() -> None:
    talk = Talk()
    for _ in range(3):
        talk.it.orders([talk.ids.make("trend", 1), "web-1", "trend.1.1.1"])
    assert [alert["ids"] for alert in talk.alerts] == [["web-1"]]


def test_a_venue_that_answers_nothing_is_silent_and_a_late_answer_ends_that() -> None:
    talk = Talk()
    assert not talk.it.silent(10**12)  # nothing has been asked
    for turn in range(1, 30):
        now_ms = turn * PERIOD_MS
        talk.it.tick(now_ms * MS)
        assert talk.it.silent(now_ms * MS) == (now_ms > PERIOD_MS + DEADLINE_MS)
    talk.answer("1", req=5)  # of the ladder
    assert talk.it.silent(now_ms * MS)
    talk.answer("1", req=FIRST_REQ + 2)  # an old question, but the venue lives
    assert not talk.it.silent(now_ms * MS)


def test_a_ladder_that_is_done_ends_the_silence_as_well() -> None:
    talk = Talk()
    talk.it.tick(PERIOD_MS * MS)
    assert talk.it.silent(10_000 * MS)
    talk.it.clear()
    assert not talk.it.silent(10_000 * MS)
