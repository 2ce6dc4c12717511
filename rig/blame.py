"""Which stage made a press slow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rig import guard_stamps
from rig.guard_stamps import Closing
from rig.latency import Miss, Press


def tell(
    misses: Sequence[Miss], presses: Sequence[Press], closings: Sequence[Closing | None]
) -> list[dict[str, Any]]:
    """Return the misses as JSON types, each with the stage that is furthest above its own median.

    stage, stage_us -- that stage and how long it took; of a press that never ended, the stage it
    hangs in, with no time
    usual_us -- that stage's median
    """
    stages = [_stages(press, closing) for press, closing in zip(presses, closings, strict=True)]
    usual = _medians(stages)
    return [
        {**miss.as_dict(), **_worst(presses[miss.press], stages[miss.press], usual)}
        for miss in misses
    ]


def _stages(press: Press, closing: Closing | None) -> dict[str, float]:
    """The finest stages that are known of a press, us."""
    found = {}
    if press.switch_to_halt_us is not None:
        found["switch_to_halt"] = press.switch_to_halt_us
    seen = guard_stamps.stages_of(press, closing)
    if seen:
        found.update(seen)
    elif press.halt_to_ack_us is not None:
        found["halt_to_ack"] = press.halt_to_ack_us
    return found


def _medians(stages: Sequence[dict[str, float]]) -> dict[str, float]:
    names = {name for each in stages for name in each}
    return {
        name: float(np.median([each[name] for each in stages if name in each])) for name in names
    }


def _worst(press: Press, stages: dict[str, float], usual: dict[str, float]) -> dict[str, Any]:
    if not press.complete:
        hangs = "switch_to_halt" if press.t_halt_ns is None else "halt_to_ack"
        return {"stage": hangs, "stage_us": None, "usual_us": usual.get(hangs)}
    worst = max(stages, key=lambda name: stages[name] - usual[name])
    return {"stage": worst, "stage_us": stages[worst], "usual_us": usual[worst]}
