"""`python -m host.guard`: started by the supervisor."""

import argparse
import os
import re
import signal
import sys
import termios
import time
from pathlib import Path

import serial

from controller import wiring
from controller.times import PROFILES, Times
from host import layout, moderecord, realtime
from host.guard import relay
from host.guard.clients import ENGINE
from host.guard.halting import printable
from host.guard.lines import LinesError
from host.guard.link import read_key
from host.guard.loop import Guard
from host.modes import OnKill

ENGINE_NAME = re.compile(r"[a-z0-9_]{1,16}")
# Origins of records that others make.
RESERVED = ("guard", "recorder")


def main() -> int:
    """Open what the guard owns, become punctual, say `ready`, serve."""
    args = _arguments()
    realtime.die_with_parent()
    try:
        key = read_key(args.link_key)
        port = open_port(args.serial)
        received = relay.start(port)
        times, on_kill = Times(args.profile), OnKill(args.on_kill)
        names = engine_names(",".join(filter(None, (args.engines, args.connectors))))
        connectors = names[len(args.engines.split(",")) :]
        guard = Guard(
            args.run_dir, port, received, key, times, args.pins, on_kill, names, connectors
        )
    except (LinesError, serial.SerialException, OSError, ValueError) as error:
        print(f"guard: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: setattr(guard, "running", False))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the supervisor alone
    beginning = moderecord.begin(args.audit_dir, args.host_id, time.time_ns())
    guard.halting.keeper.begin(*beginning)
    pinned = realtime.pin_to({args.cpu}) if args.cpu is not None else None
    scheduled, locked = punctual(args.fifo), realtime.lock_memory()
    realtime.freeze_gc()
    if args.fifo and scheduled[0] is None:
        guard.lift_engines_to(realtime.FIFO_PRIORITY - 1)
    guard.realtime = {
        "fifo": scheduled[0] or "granted",
        "cpu": pinned or (f"pinned to {args.cpu}" if args.cpu is not None else "not asked for"),
        "memory": locked or "locked",
        "gc": "frozen",
    }
    refused = [item for item in (pinned, *scheduled, locked) if item]
    epoch, reason, detail = beginning
    told = {"mode": "EMERGENCY", "reason": reason.name, "epoch": epoch, "detail": printable(detail)}
    guard.event("guard_started", not_permitted=refused, **told)
    print("ready", flush=True)
    try:
        guard.run()
    except ConnectionError as error:
        print(f"guard: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def punctual(fifo: bool) -> list[str | None]:
    """Become SCHED_FIFO, or at least be woken before long-running neighbours; return refusals."""
    refused = realtime.fifo() if fifo else "SCHED_FIFO: not asked for"
    return [refused, realtime.short_slice() if refused else None]


def engine_names(text: str) -> list[str]:
    """Return the names of the engines; raises ValueError for one that is none or stands twice."""
    names = text.split(",")
    good = all(ENGINE_NAME.fullmatch(name) and name not in RESERVED for name in names)
    if not good or len(set(names)) != len(names) or len(names) > layout.MOST_ENGINES:
        most = layout.MOST_ENGINES
        raise ValueError(f"--engines {text}: 1 to {most} different names of [a-z0-9_]{{1,16}}")
    return names


def open_port(name: str) -> serial.Serial:
    """Open the serial line for this process alone. Raises SerialException naming the port."""
    try:
        port = serial.Serial(name, wiring.UART_BAUD, timeout=0, write_timeout=0, exclusive=True)
        port.reset_input_buffer()
    except (OSError, termios.error, ValueError) as error:
        what = os.strerror(error.args[0]) if isinstance(error.args[0], int) else str(error)
        raise serial.SerialException(f"serial port {name}: {what}") from None
    return port


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m host.guard", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--audit-dir", type=Path, required=True, help="beside it: the last mode")
    parser.add_argument("--host-id", required=True)
    parser.add_argument("--serial", required=True)
    parser.add_argument("--link-key", required=True)
    parser.add_argument("--profile", choices=PROFILES, required=True)
    parser.add_argument("--pins", required=True, help="name of a gpiozero pin factory")
    parser.add_argument("--on-kill", choices=[*OnKill], default=OnKill.CANCEL_ENTRIES)
    parser.add_argument("--engines", default=ENGINE, help="names, with commas between them")
    parser.add_argument("--connectors", default="", help="names of those that are an exchange's")
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--fifo", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
