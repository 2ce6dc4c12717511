"""An entry that is filled while the engine is dead is protected or closed, as `on_kill` says."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from host.engine.emergency import stops
from tests.integration.by_hand import PRICE, Scene, by_hand
from tests.integration.test_ladder import wait_log


def fill_alone(scene: Scene, before: D) -> D:
    """Fill the entry with nobody there, `before` of it while the engine still lived; return its size."""
    entry = scene.entry()
    size, price = D(entry["qty"]), D(entry["price"])
    if before:
        scene.hand.sell(price, before)
        scene.until(lambda now: len(now.stops()) == 1, "the part has its stop")
    scene.kill_engine()
    scene.hand.sell(price)
    assert scene.account().position == size
    return size


@pytest.mark.parametrize("before", [D(0), D(8)], ids=["nothing", "a_part"])
def test_it_gets_its_stop(tmp_path: Path, before: D, capsys: pytest.CaptureFixture) -> None:
    with by_hand(tmp_path) as scene:
        size = fill_alone(scene, before)
        status = scene.bench.wait_status(timeout_s=15.0, ladder_done=True, mode="EMERGENCY")
        assert (status["reason"], status["ladder_done"]) == ("ENGINE_LOST", True)
        listed = scene.listed()
        assert scene.person.position() == size
        assert all(stops.is_stop(order) for order in listed)
        assert stops.uncovered(size, listed) == 0
        assert sum(D(order["left"]) for order in listed) == size
        assert (scene.account().position, scene.account().wrong) == (size, [])
        sent = wait_log(scene.bench, "protective_stop", outcome="SENT")
        assert D(sent["qty"]) == size - before
        wait_log(scene.bench, "rung", rung="HALTED", uncovered="0")
        with capsys.disabled():
            print(f"\n  {size:f} filled alone: {len(listed)} stops", end=" ")


def test_it_is_closed_under_flatten(tmp_path: Path) -> None:
    with by_hand(tmp_path, "flatten") as scene:
        fill_alone(scene, D(8))
        scene.hand.go_on(PRICE)
        status = scene.bench.wait_status(timeout_s=20.0, ladder_done=True, mode="EMERGENCY")
        assert (status["reason"], status["ladder_done"]) == ("ENGINE_LOST", True)
        assert (scene.person.position(), scene.listed()) == (D(0), [])


def test_after_a_press_no_order_leaves_by_itself_and_a_person_is_told(tmp_path: Path) -> None:
    with by_hand(tmp_path) as scene:
        entry = scene.entry()
        scene.bench.press()
        scene.kill_engine()
        scene.hand.sell(D(entry["price"]))
        status = scene.bench.wait_status(timeout_s=15.0, ladder_done=True, mode="EMERGENCY")
        assert status["ladder_done"] is True
        assert scene.listed() == []
        if scene.person.position():  # the press itself may have taken the entry off first
            assert wait_log(scene.bench, "alert", code="POSITION_UNPROTECTED")
