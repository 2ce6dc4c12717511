"""What is agreed upon at the start and while running, and what is told when it cannot be."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from host.engine.reconciler import DIFFERS_IN_A_ROW, FIRST_REQ
from host.execution.order import Role
from tests.host.venue import DEADLINE_MS, PERIOD_MS, Engine, Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()


def started(venue: Venue, folder: Path) -> Engine:
    """An engine that agrees with its venue."""
    engine = Engine(venue, folder).turn(500)
    assert engine.reconciler.agreed
    return engine


def held(venue: Venue, folder: Path) -> Engine:
    """One that has bought 2 and protects them, long enough for the journal to know."""
    engine = started(venue, folder)
    engine.enter("2")
    engine.turn(300, 99)
    assert (venue.book.position, engine.manager.position.qty) == (2, 2)
    assert [order.role for order in engine.manager.orders.live.values()] == [Role.STOP]
    return engine


def test_nothing_is_agreed_before_the_venue_has_answered_everything(
    venue: Venue, tmp_path: Path
) -> None:
    for kind in ("rules", "fills", "position"):
        engine = Engine(venue, tmp_path)
        engine.lose.add(kind)
        assert not engine.turn(2_000).reconciler.agreed
        engine.lose.clear()
        assert engine.turn(300).reconciler.agreed
        engine.kill()


def test_an_engine_that_comes_back_has_position_average_and_stop(
    venue: Venue, tmp_path: Path
) -> None:
    first = held(venue, tmp_path)
    average, cash = first.manager.position.average, first.manager.position.cash
    stop = next(iter(first.manager.orders.live))
    first.kill()
    again = started(venue, tmp_path)
    position = again.manager.position
    assert (position.qty, position.average, position.cash) == (2, average, cash)
    assert list(again.manager.orders.live) == [stop]
    assert again.manager.orders.live[stop].role is Role.STOP
    assert again.alerts == []
    assert int(again.ids.run, 16) > int(first.ids.run, 16)


def test_what_was_filled_while_nobody_was_there_is_taken_once(venue: Venue, tmp_path: Path) -> None:
    first = held(venue, tmp_path)
    order = first.enter("3", "98")
    first.turn(200)
    first.kill()
    venue.row(97.5)  # the entry fills, and nobody hears of it
    again = started(venue, tmp_path)
    assert again.manager.position.qty == venue.book.position == 5
    assert again.manager.orders.find(order).ended
    assert again.alerts == []
    again.kill()
    assert order not in started(venue, tmp_path).journal.left.pending


def test_an_order_that_never_left_is_asked_for_twice_and_then_forgotten(
    venue: Venue, tmp_path: Path
) -> None:
    first = started(venue, tmp_path)
    order = first.enter("1", arrives=False)
    first.kill()
    again = Engine(venue, tmp_path).turn(400)
    assert not again.reconciler.agreed  # the first "never heard of it" may be too early
    assert again.manager.orders.live[order].role is Role.ENTRY  # and stays in the limits meanwhile
    again.turn(600)
    assert again.reconciler.agreed
    assert ("never_arrived", {"id": order}) in again.told
    assert again.manager.orders.live == {}
    again.kill()
    assert started(venue, tmp_path).journal.left.pending == {}


def test_an_order_that_was_on_its_way_still_is_taken_over(venue: Venue, tmp_path: Path) -> None:
    first = started(venue, tmp_path)
    order = first.enter("1", "90", arrives=False)
    packet = {"op": "new", "id": order, "intent": "OPEN", "side": "buy", "type": "limit",
              "qty": "1", "price": "90"}  # fmt: skip
    first.kill()
    again = Engine(venue, tmp_path).turn(300)
    venue.ask(packet)  # the packet of the engine that is dead arrives after the question
    again.turn(600)
    assert again.reconciler.agreed
    assert list(again.manager.orders.live) == [order]
    again.manager.cancel_entries(again.now_ns)
    again.turn(200)
    assert venue.book.open_orders() == []


def test_an_order_that_turns_up_long_after_is_a_stray_one_and_stays_in_the_book(
    venue: Venue, tmp_path: Path
) -> None:
    first = started(venue, tmp_path)
    order = first.enter("1", "90", arrives=False)
    first.kill()
    again = started_after(venue, tmp_path, 1_500)
    venue.ask({"op": "new", "id": order, "intent": "OPEN", "side": "buy", "type": "limit",
               "qty": "1", "price": "90"})  # fmt: skip
    again.turn(300)
    assert list(again.manager.orders.live) == [order]
    assert again.codes() == ["CONTRADICTION"]
    assert again.reconciler.agreed


def started_after(venue: Venue, folder: Path, ms: int) -> Engine:
    engine = Engine(venue, folder).turn(ms)
    assert engine.reconciler.agreed
    return engine


def test_without_a_journal_the_venue_s_word_counts_and_strays_are_taken_over(
    venue: Venue, tmp_path: Path
) -> None:
    """After a power cut: what is ours is known by its ids."""
    first = held(venue, tmp_path)
    entry = first.enter("1", "90")
    first.turn(100)
    first.kill()
    (tmp_path / "orders.journal").unlink()
    again = Engine(venue, tmp_path)
    again.ids._run = int(first.ids.run, 16) + 1  # the clock goes on
    again.turn(800)
    assert again.reconciler.agreed
    assert again.manager.position.qty == 2
    assert again.codes() == ["STRAY_ORDER"] * 2
    roles = {order.id: order.role for order in again.manager.orders.live.values()}
    assert roles.pop(entry) is Role.ENTRY
    assert list(roles.values()) == [Role.STOP]
    assert not again.reconciler.strange


def test_a_foreign_order_is_named_once_and_so_is_a_foreign_fill(
    venue: Venue, tmp_path: Path
) -> None:
    engine = started(venue, tmp_path)
    buy = {"op": "new", "intent": "OPEN", "side": "buy", "qty": "0.5"}
    engine.hear(venue.ask({**buy, "id": "web-1", "type": "limit", "price": "50"}))
    engine.turn(500)
    assert [alert["ids"] for alert in engine.alerts if "ids" in alert] == [["web-1"]]
    assert engine.reconciler.strange
    engine.reconciler.clear()
    assert not engine.reconciler.strange
    venue.ask({**buy, "id": "web-2", "type": "market"})
    engine.turn(300, 100)
    named = [alert["ids"] for alert in engine.alerts if "ids" in alert]
    assert ["web-2"] in named
    assert engine.reconciler.strange


def test_a_foreign_fill_while_nobody_was_there_is_found_at_the_start(
    venue: Venue, tmp_path: Path
) -> None:
    held(venue, tmp_path).kill()
    venue.ask({"op": "new", "id": "web-1", "intent": "OPEN", "side": "buy", "type": "market",
               "qty": "0.5"})  # fmt: skip
    venue.row(100)
    again = Engine(venue, tmp_path).turn(300)
    assert again.alerts[0]["ids"] == ["web-1"]
    assert not again.reconciler.agreed
    again.turn(1_000)  # the venue's word is taken, and a person has been told both figures
    assert again.reconciler.agreed
    position = next(alert for alert in again.alerts if alert.get("what") == "POSITION")
    assert (position["ours"], position["theirs"]) == ("2", "2.5")
    assert again.manager.position.qty == D("2.5")
    again.kill()
    assert started(venue, tmp_path).manager.position.qty == D("2.5")


def test_a_lost_fill_is_found_and_taken_before_it_is_an_alarm(venue: Venue, tmp_path: Path) -> None:
    engine = started(venue, tmp_path)
    engine.lose.add("fill")
    engine.enter("2")
    engine.turn(500, 99)
    assert engine.manager.position.qty == venue.book.position == 2
    assert not engine.reconciler.strange
    assert engine.codes() == []


def test_a_lost_end_is_found(venue: Venue, tmp_path: Path) -> None:
    engine = started(venue, tmp_path)
    order = engine.enter("2", "90")
    engine.turn(100)
    engine.lose.add("cancelled")
    engine.manager.cancel(order, engine.now_ns)
    engine.turn(600)
    assert engine.manager.orders.live == {}
    assert engine.journal.pending() == []


def test_a_lost_connection_opens_everything_anew(venue: Venue, tmp_path: Path) -> None:
    engine = held(venue, tmp_path)
    engine.reconciler.restart()
    engine.manager.disconnected(engine.now_ns)
    assert not engine.reconciler.agreed
    venue.row(96)  # the stop is reached meanwhile, and filled by the row after
    venue.row(96)
    engine.turn(400)
    assert engine.reconciler.agreed
    assert engine.manager.position.qty == venue.book.position == 0
    assert engine.alerts == []


def test_a_venue_that_answers_nothing_is_silent_and_a_late_answer_ends_that(
    venue: Venue, tmp_path: Path
) -> None:
    engine = started(venue, tmp_path)
    engine.lose |= {"position", "open_orders", "fills"}
    engine.turn(DEADLINE_MS + 2 * PERIOD_MS)
    assert engine.reconciler.silent(engine.now_ns)
    engine.lose.clear()
    engine.hear(venue.ask({"op": "position", "req": 5}))  # the ladder's question
    engine.turn(10)
    engine.lose.add("position")
    assert engine.reconciler.silent(engine.now_ns)
    engine.lose.clear()
    engine.hear(venue.ask({"op": "position", "req": FIRST_REQ + 2}))
    engine.turn(10)
    assert not engine.reconciler.silent(engine.now_ns)


def test_a_partly_filled_order_of_an_earlier_run_is_known_to_the_last_piece(
    venue: Venue, tmp_path: Path
) -> None:
    """Filled in part before the cursor, in part behind it, and changed in between."""
    first = held(venue, tmp_path)
    stop = next(iter(first.manager.orders.live.values()))
    first.enter("1")
    first.turn(300, 99)
    assert (stop.qty, stop.filled) == (3, 0)  # amended
    first.kill()
    again = started(venue, tmp_path)
    restored = again.manager.orders.live[stop.id]
    assert (restored.qty, restored.filled, restored.asked) == (3, 0, 3)
    again.kill()
    venue.row(96)
    venue.row(96)
    last = started(venue, tmp_path)
    assert last.manager.position.qty == venue.book.position == 0
    assert (last.manager.orders.live, last.alerts) == ({}, [])


def test_it_asks_all_the_time_and_not_too_often(venue: Venue, tmp_path: Path) -> None:
    engine = started(venue, tmp_path)
    engine.asked.clear()
    engine.turn(10 * PERIOD_MS)
    assert [packet["op"] for packet in engine.asked] == ["open_orders", "position"] * 10


def said(engine: Engine, qty: str, req: int = 0) -> None:
    """Have the venue answer the question of a round of its own with another position."""
    engine.lose.add("position")
    engine.turn(PERIOD_MS)
    engine.lose.clear()
    req = req or engine.asked[-1]["req"]
    engine.out.append({"ev": "position", "req": req, "qty": qty, "cash": "0"})
    engine.turn(10)


def test_a_position_that_goes_on_differing_is_told_and_a_passing_one_is_not(
    venue: Venue, tmp_path: Path
) -> None:
    engine = started(venue, tmp_path)
    for _ in range(4):
        for _ in range(DIFFERS_IN_A_ROW - 1):
            said(engine, "2")
        said(engine, "0")
    assert (engine.alerts, engine.reconciler.strange) == ([], False)
    for _ in range(DIFFERS_IN_A_ROW):
        said(engine, "2")
    told = {"code": "UNKNOWN_ORDER", "what": "POSITION", "ours": "0", "theirs": "2"}
    assert engine.alerts == [told]
    assert engine.reconciler.strange
    assert not engine.reconciler.agreed
    engine.turn(500)  # what the venue says then agrees again, and a person has to re-arm
    assert (engine.reconciler.agreed, engine.reconciler.strange) == (True, True)


def test_an_answer_to_an_older_question_is_not_judged(venue: Venue, tmp_path: Path) -> None:
    engine = started(venue, tmp_path)
    old = engine.asked[-1]["req"]
    for _ in range(10):
        said(engine, "9", old)
    assert engine.alerts == []
