"""A kill in the middle of a partially filled OCO: flat with nothing open, or protected by stops alone."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from host.engine.emergency import stops
from tests.integration.by_hand import PRICE, TARGET_BPS, Scene, by_hand


def press(scene: Scene) -> None:
    scene.bench.press()


def kill(scene: Scene) -> None:
    scene.kill_engine()


def fill_the_target_in_part(scene: Scene) -> tuple[D, D]:
    """Return the position before and after."""
    held = scene.enter()
    part = held * 2 / 5
    (target,) = [o for o in scene.account().open.values() if o["type"] == "limit"]
    assert 0 < abs(D(target["price"]) / PRICE - 1) < 2 * D(TARGET_BPS) / 10_000
    scene.hand.play(D(target["price"]), bid_qty=part)
    return held, part


@pytest.mark.parametrize("end", [press, kill])
@pytest.mark.parametrize("settled", [False, True], ids=["at_once", "settled"])
def test_it_ends_protected_by_exactly_the_listed_stops(
    tmp_path: Path, end: object, settled: bool, capsys: pytest.CaptureFixture
) -> None:
    with by_hand(tmp_path) as scene:
        held, part = fill_the_target_in_part(scene)
        rest = held - part
        scene.until(lambda now: now.position == rest, "the target is filled in part")
        if settled:  # the stop has followed; otherwise the end comes before it, or in between
            scene.until(
                lambda now: [D(now.open[i]["qty"]) for i in now.stops()] == [rest], "it follows"
            )
        end(scene)  # type: ignore[operator]
        status = scene.bench.wait_status(timeout_s=15.0, ladder_done=True, mode="EMERGENCY")
        assert status["ladder_done"] is True
        listed = scene.listed()
        assert scene.person.position() == rest
        assert [stops.is_stop(order) for order in listed] == [True]
        assert stops.uncovered(rest, listed) == 0
        # The venue's record, line by line, says the same.
        record = scene.account()
        assert (record.position, record.wrong) == (rest, [])
        assert sorted(record.open) == record.stops() == [order["id"] for order in listed]
        with capsys.disabled():
            print(
                f"\n  {held:f}, {part:f} at the target: {rest:f} under {listed[0]['left']}", end=" "
            )


@pytest.mark.parametrize("end", [press, kill])
def test_it_ends_flat_with_nothing_open_when_the_stop_is_reached_meanwhile(
    tmp_path: Path, end: object
) -> None:
    with by_hand(tmp_path) as scene:
        held, part = fill_the_target_in_part(scene)
        scene.until(lambda now: now.position == held - part, "the target is filled in part")
        end(scene)  # type: ignore[operator]
        scene.hand.play(
            PRICE * D("0.98")
        )  # far below the stop, while nobody or the ladder is there
        scene.hand.go_on(PRICE * D("0.98"))
        status = scene.bench.wait_status(timeout_s=15.0, ladder_done=True, mode="EMERGENCY")
        assert status["ladder_done"] is True
        record = scene.until(lambda now: now.position == 0, "the stop sells the rest")
        assert (record.open, record.wrong) == ({}, [])
        assert (scene.person.position(), scene.listed()) == (D(0), [])
