"""One capture, analysed: JSON types in, a verdict out.

PASS needs at least one press, every one complete and within the limit, and, when an audit log is given,
its agreement. A capture has no noise probe beside it, so nothing excuses a slow press here.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from controller import wiring
from rig import latency
from rig.capture.model import Capture, CaptureError
from rig.decode import audit, channels, lamps, pulses, uart
from rig.decode.messages import Traffic, read_messages
from rig.latency import FAIL, PASS, Press

NEEDED = ("SWITCH_A", "SWITCH_B", "HALT", "ACK")
# A measurement must resolve this part of its limit.
RESOLUTION = 50
_S_US = 1_000_000
_REASONS_SHOWN = 10


def analyse(
    capture: Capture, *, limit_us: float = latency.LIMIT_US, audit_dir: Path | None = None
) -> dict[str, Any]:
    """Return edges, reference, pulses, messages, presses and verdict.

    Raises CaptureError for a capture that cannot be measured: lines missing, channels swapped, samples
    too far apart for the limit, an audit log that cannot be read.
    """
    _check_measurable(capture, limit_us)
    believed, rejected = pulses.reject_short(capture)
    reference = lamps.find_reference(believed)
    serial, traffic = _serial(believed)
    agreement = None
    if audit_dir is not None and traffic is not None:
        agreement = audit.compare(traffic, audit_dir).as_dict()
    presses = latency.find_presses(believed)
    reasons = _reasons(presses, limit_us)
    if audit_dir is not None:
        reasons += _audit_reasons(agreement)
    stages = latency.samples_us(presses)
    return {
        "bench": capture.bench,
        "start_ns": capture.start_ns,
        "end_ns": capture.end_ns,
        "rate_hz": capture.rate_hz,
        "lines": _lines(capture, rejected),
        "reference": None if reference is None else reference.as_dict(capture),
        "contacts": {line: pulses.bounce(believed, line) for line in pulses.CONTACTS},
        "serial": serial,
        "audit": agreement,
        "limit_us": limit_us,
        "presses": [_press(press, believed) for press in presses],
        "halts_without_press": _other_halts(believed, presses),
        "latency_us": {stage: latency.stats(values) for stage, values in stages.items()},
        "verdict": FAIL if reasons else PASS,
        "reasons": reasons,
    }


def _check_measurable(capture: Capture, limit_us: float) -> None:
    missing = [line for line in NEEDED if line not in capture.lines]
    if missing:
        raise CaptureError(f"no channel for {', '.join(missing)}: nothing can be measured")
    if not 0 < limit_us < float("inf"):
        raise CaptureError(f"a limit of {limit_us} us is none")
    if capture.rate_hz is not None and capture.rate_hz * limit_us < RESOLUTION * _S_US:
        needed = -(-RESOLUTION * _S_US // limit_us)
        raise CaptureError(
            f"{capture.rate_hz} samples a second do not resolve 1/{RESOLUTION} of {limit_us:g} us: "
            f"{needed:.0f} are needed"
        )


def _lines(capture: Capture, rejected: dict[str, int]) -> dict[str, Any]:
    """Each line's edges as count and digest: equal for the same capture in every format."""
    found = {}
    for line in capture.lines:
        times = capture.edges[line]
        found[line] = {
            "initial": capture.initial[line],
            "edges": int(times.size),
            "sha256": sha256((times - capture.start_ns).astype("<i8").tobytes()).hexdigest(),
            "shortest_us": pulses.shortest_us(times),
            "rejected": rejected[line],
        }
    return found


def _serial(capture: Capture) -> tuple[dict[str, Any], Traffic | None]:
    """What the serial line carried, or why that cannot be told."""
    try:
        heard = uart.decode(capture)
    except CaptureError as error:
        return {"decoded": False, "why": str(error)}, None
    traffic = read_messages(heard)
    channels.check_serial(capture, traffic)
    channels.check_levels(capture, traffic)
    told = {
        "decoded": True,
        "baud": wiring.UART_BAUD,
        "bytes": int(heard.values.size),
        "sha256": sha256(heard.values.tobytes()).hexdigest(),
        "framing_errors": heard.framing_errors,
        "false_starts": heard.false_starts,
        "messages": traffic.counts(),
        "noise": traffic.noise,
        "cut_off": traffic.cut_off,
        "foreign": traffic.foreign,
        "lost": traffic.lost,
        "mac": "not checked: that needs the link key",
    }
    return told, traffic


def _press(press: Press, capture: Capture) -> dict[str, Any]:
    contacts = {
        line: float(times[0] - press.t_switch_ns) / 1000
        for line in pulses.CONTACTS
        if (times := _from(capture.rising(line), press.t_switch_ns)).size
    }
    return {
        "at_us": (press.t_switch_ns - capture.start_ns) / 1000,
        **{f"{stage}_us": getattr(press, f"{stage}_us") for stage in latency.STAGES},
        "contacts_us": contacts,
    }


def _from(times: Any, t_ns: int) -> Any:
    return times[np.searchsorted(times, t_ns) :]


def _other_halts(capture: Capture, presses: list[Press]) -> list[float]:
    """When HALT fell and no contact had opened, us from the start: the watchdog, or the host itself."""
    pressed = {press.t_halt_ns for press in presses}
    falls = capture.falling("HALT").tolist()
    return [(fall - capture.start_ns) / 1000 for fall in falls if fall not in pressed]


def _reasons(presses: list[Press], limit_us: float) -> list[str]:
    if not presses:
        return ["no press in it: nothing was measured"]
    reasons = []
    for number, press in enumerate(presses, start=1):
        took = press.switch_to_ack_us
        if took is None or not press.complete:
            reasons.append(f"press {number}: HALT or ACK never came")
        elif not took <= limit_us:
            reasons.append(f"press {number} took {took:.1f} us, limit {limit_us:g} us")
    more = len(reasons) - _REASONS_SHOWN
    return [*reasons[:_REASONS_SHOWN], f"{more} more such presses"] if more > 0 else reasons


def _audit_reasons(agreement: dict[str, Any] | None) -> list[str]:
    if agreement is None:
        return ["the audit log could not be compared: no messages were decoded"]
    if agreement["agrees"]:
        return []
    if not agreement["matched"]:
        return ["no message on the wire has a record in the audit log"]
    odd = [*agreement["unrecorded"], *agreement["unsent"]]
    if odd:
        return [f"wire and audit log differ in {len(odd)} messages, the first: {odd[0]}"]
    spread_ms = agreement["spread_us"] / 1000
    return [f"the times of wire and audit log lie {spread_ms:.1f} ms apart"]
