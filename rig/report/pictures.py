"""Which pictures a run has, with their captions."""

from __future__ import annotations

from typing import NamedTuple

from rig.guard_stamps import Closing
from rig.latency import Press, samples_us
from rig.report import figures, timeline, words
from rig.report.figures import Picture
from rig.report.views import MEDIAN, WORST, Run, close_ns


class Captioned(NamedTuple):
    """A picture with a title and what its numbers mean."""

    title: str
    picture: Picture
    note: str = ""


def distributions(run: Run, limit_us: float | None) -> list[Captioned]:
    """Histogram of each stage and the CDF; the limit is drawn where it applies."""
    samples = samples_us(run.presses)
    shown = []
    for key, name in words.STAGES.items():
        if samples[key].size:
            limit = limit_us if key == "switch_to_ack" else None
            file = f"{run.layout}-histogram-{key}"
            shown.append(Captioned(name, figures.histogram(file, name, samples[key], limit)))
    if shown:
        named = {name: samples[key] for key, name in words.STAGES.items()}
        picture = figures.cdf(f"{run.layout}-cdf", named, limit_us)
        shown.append(Captioned("Share of presses that took at most so long", picture))
    return shown


def time_lines(run: Run) -> list[Captioned]:
    """The median press with what is around it, and both the median and the worst from close by."""
    shown = []
    for view, close in ((MEDIAN, False), (MEDIAN, True), (WORST, False), (WORST, True)):
        if view in run.views:
            shown.append(_time_line(run, view, close))
    return shown


def _time_line(run: Run, view: str, close: bool) -> Captioned:
    index, capture = run.views[view].index, run.views[view].capture
    press, closing = run.presses[index], run.closing(index)
    took = words.with_unit(press.switch_to_ack_us)
    title = f"{view.capitalize()} press (no. {index + 1}): switch → ACK {took}"
    title += ", from close by" if close else ", all around it"
    part = capture.window(*close_ns(press)) if close else capture
    name = f"{run.layout}-{view}{'-close' if close else ''}"
    return Captioned(
        title, timeline.picture(name, title, part, press, closing), _note(press, closing)
    )


def _note(press: Press, closing: Closing | None) -> str:
    told = ["1 switch opens"]
    if press.t_halt_ns is None:
        told.append("HALT never fell")
    else:
        told.append(f"2 HALT falls after {words.with_unit(press.switch_to_halt_us)}")
    if closing is not None:
        seen_us = (closing.seen_ns - press.t_switch_ns) / 1000
        told.append(f"3 the guard has seen it after {words.with_unit(seen_us)}")
    if press.t_ack_ns is None:
        told.append("ACK never rose")
    else:
        told.append(f"4 gate closed, ACK high after {words.with_unit(press.switch_to_ack_us)}")
    return "; ".join(told)
