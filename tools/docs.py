"""Writes the pages that come from the tables of controller/ and of the bench file.

    python -m tools.docs [--check]

With --check nothing is written: exit code 1 and one line for each page that differs.
"""

import argparse
import struct
import sys
from pathlib import Path

from controller import events, faults, frames, leds, mac, protocol, reasons, states, wiring, witness
from controller.times import TICK_MASK, TIMES, Times
from rig import benchfile
from rig.wiring.picture import picture
from rig.wiring.rows import PULL_DOWN, PULLED_DOWN, SERIES, wires

FOLDER = Path(__file__).resolve().parent.parent / "docs"
NOTICE = "<!-- Written by `python -m tools.docs` from {source}. Change that, not this. -->"
EXAMPLE_KEY = bytes(range(32))


def page(title: str, source: str, *blocks: str) -> str:
    """Return a page of blocks, with its title and where it comes from."""
    return "\n\n".join([f"# {title}", NOTICE.format(source=source), *blocks]) + "\n"


def table(head: tuple[str, ...], rows: list[tuple]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def protocol_page() -> str:
    """Return docs/protocol.md."""
    rows = []
    for ident, name, sender, layout, fields in protocol.MESSAGES:
        told = ", ".join(f"`{field}`" for field in fields)
        rows.append((f"0x{ident:02x}", name, sender, f"`{layout}`", struct.calcsize(layout), told))
    return page(
        "The wire protocol",
        "controller/protocol.py, frames.py and events.py",
        "921600 8N1. A frame is `COBS(body) 0x00`. All numbers are little-endian. A body is:",
        table(
            ("bytes", "what"),
            [
                ("1", f"version, {protocol.VERSION}"),
                ("1", "message id"),
                ("4", "sequence number of the sender in this session, from 1, never repeated"),
                ("8", "uptime of the controller, us; the host tells the last one it heard"),
                ("0 ...", "payload, by the table below"),
                ("4", "CRC-32 (`binascii.crc32`) of all before it"),
                (f"{mac.MAC_BYTES}", "HMAC-SHA256 of all before it, cut to its first bytes"),
            ],
        ),
        f"The longest body has {frames.MAX_BODY_BYTES} bytes. A bad CRC is line noise: counted. A good "
        "CRC with a bad MAC, an old sequence number or an unknown type is tampering: counted, and it "
        "trips an armed controller. **There is no message that un-trips, arms or silences anything.**",
        f"Schema digest of this table: `0x{protocol.SCHEMA:08x}`; both ends compare it in HELLO, "
        "together with the digest of the times.",
        "## Messages",
        table(("id", "name", "sent by", "layout", "bytes", "fields"), rows),
        "## Keys",
        "HELLO is under the link key. The session key is HMAC-SHA256 of `bot4 session`, the "
        "controller's nonce and the host's nonce under the link key; every other frame is under it. "
        "The answer to a challenge is the first 8 bytes of the HMAC of `bot4 answer` and the "
        "challenge under the session key.",
        "RECEIPT and ATTESTATION carry a second, full HMAC under the witness key, which the host does "
        "not have. RECEIPT: `bot4 receipt`, epoch u32, number u32, count u64, head. ATTESTATION: `bot4 "
        "attestation`, nonce, epoch u32, firmware digest, configuration digest.",
        "## Field values",
        "`inputs`: "
        + ", ".join(f"bit {n} {name}" for n, name in enumerate(protocol.INPUT_BITS))
        + ". "
        "`leds` and `blinking`: bit 0 red, 1 yellow, 2 green; a lamp that blinks is in `blinking` "
        "and must not be compared. `faults`: one bit for each reason "
        "([trip reasons](trip-reasons.md)). `state`: "
        + ", ".join(f"{n} {name}" for n, name in enumerate(states.STATE_NAMES))
        + ". `mode`: "
        + ", ".join(f"{n} {name}" for n, name in enumerate(leds.MODE_NAMES))
        + ".",
        "## Events",
        f"EVENT is the record of what happened: up to {events.CAPACITY} wait in a ring until the host "
        "confirms them with EVENT_SEEN, one at a time, the oldest first, over lost frames and lost "
        "sessions. `boot` names the power-up, `number` counts from 1; the host takes each (boot, "
        "number) once and confirms it as often as it comes. `lost` counts what a full ring gave up.",
        table(("code", "what", "detail", "value"), list(events.KINDS)),
        "Reset causes: " + ", ".join(f"{n} {x}" for n, x in enumerate(events.RESET_CAUSES)) + ".",
        "## Worked bytes",
        "Under the key 00 01 02 ... 1f, each the first frame of its channel; the tests read them here.",
        *(worked(*example) for example in EXAMPLES),
    )


EXAMPLES = (
    (protocol.CONTROLLER, "TRIP", (reasons.SWITCH_A, 1500), 2000),
    (protocol.HOST, "MODE", (leds.PAUSED, 3, 7), 2000),
    (protocol.HOST, "WITNESS", (1, bytes(range(32))), 0),
    (protocol.CONTROLLER, "RECEIPT", (), 0),
)


def worked(sender: str, name: str, values: tuple, uptime_us: int) -> str:
    """Return one worked example: what is said, the body in its parts, the frame."""
    key = mac.Mac(EXAMPLE_KEY)
    if name == "RECEIPT":
        head = bytes(range(32))
        told = (2, 1, 1, head)
        values = (*told, witness.receipt_mac(mac.Mac(EXAMPLE_KEY[::-1]), *told))
    frame = frames.Channel(sender, key).encode(name, values, uptime_us)
    body = frames.cobs_decode(frame[:-1])
    cut = (0, 1, 2, 6, 14, len(body) - 12, len(body) - 8, len(body))
    parts = [body[a:b].hex() for a, b in zip(cut, cut[1:], strict=False)]
    fields = dict(zip(protocol.BY_NAME[name][protocol.FIELDS], values, strict=True))
    told = ", ".join(f"{k} {v.hex() if isinstance(v, bytes) else v}" for k, v in fields.items())
    note = " (witness key 1f 1e ... 00)" if name == "RECEIPT" else ""
    lines = "\n".join(
        f"{what:<8} {part}"
        for what, part in zip(
            ("version", "id", "sequence", "uptime", "payload", "CRC-32", "MAC"), parts, strict=True
        )
    )
    return f"{name} of the {sender}: {told}{note}\n\n```\n{lines}\nframe    {frame.hex()}\n```"


def times_page() -> str:
    """Return docs/times.md."""
    production = Times("production")
    worst_ms = (
        production.bad_answers_trip * production.challenge_period_ms + production.answer_deadline_ms
    )
    return page(
        "Times",
        "controller/times.py",
        "One table, two profiles. `production` is for trading, `bench` for measuring on a shared "
        "machine; the profile is part of the digest in HELLO, and live trading refuses `bench`.",
        table(("limit", "production", "bench", "what"), [(f"`{r[0]}`", *r[1:]) for r in TIMES]),
        "Digests: "
        + ", ".join(f"`{p}` 0x{Times(p).digest():08x}" for p in ("production", "bench"))
        + ".",
        f"A link that is lost trips at the latest {worst_ms} ms after the last good answer, plus one "
        "pass of the firmware (limit: 90 ms).",
        f"Milliseconds wrap at {TICK_MASK + 1} (12.4 days); every comparison goes through `elapsed_ms`, "
        "and a time that lies ahead reads as very long ago, so that it trips.",
    )


def reasons_page() -> str:
    """Return docs/trip-reasons.md."""
    rows = []
    for code, name, what in reasons.REASONS:
        row = faults.BY_REASON.get(code)
        kind = faults.KIND_NAMES[row[faults.KIND]].lower() if row else "-"
        trips = faults.TRIPS_NAMES[row[faults.TRIPS]] if row else "never" if code == 0 else "yes"
        rows.append((code, name, what, trips, kind))
    lamps = [(states.STATE_NAMES[s], f"`{p}`") for s, p in sorted(leds.STATE_PATTERNS.items())]
    lamps.append(("TRIPPED, permanent fault", f"`{leds.BLOCKED_PATTERN}`"))
    lamps += [
        (f"ARMED, host {leds.MODE_NAMES[m]}", f"`{p}`")
        for m, p in sorted(leds.ARMED_PATTERNS.items())
    ]
    moves = [
        (states.STATE_NAMES[a], states.EVENT_NAMES[e], states.STATE_NAMES[b])
        for (a, e), b in states.NEXT.items()
    ]
    return page(
        "Trip reasons, faults and states",
        "controller/reasons.py, faults.py, states.py and leds.py",
        "The code is also the fault's bit in STATUS.faults. A recoverable fault stays in the register "
        "until the box is armed again; a permanent one until power-up, and nothing is armed meanwhile. "
        "Counts are kept until power-up. A fault is told the 1st, 2nd, 4th, 8th ... time.",
        table(("code", "reason", "what happened", "trips", "fault"), rows),
        "## States",
        "HALT is high in ARMED alone. A pair that is not listed is refused and counted.",
        table(("state", "event", "next state"), moves),
        "## Lamps",
        "Red, yellow, green: `1` lit, `0` dark, `s` slow blink (1 Hz), `f` fast blink (4 Hz). In "
        f"SELF_TEST the lamp test runs: {', '.join(f'{ms} ms' for ms in leds.LAMP_TEST_MS)}.",
        table(("state", "pattern"), lamps),
    )


def wiring_page() -> str:
    """Return docs/wiring.md."""
    rows = [
        (
            name,
            f"GP{pico} {side}",
            f"BCM {bcm} {pi_side}" if bcm is not None else "-",
            channel,
            high,
            broken,
        )
        for name, pico, side, bcm, pi_side, channel, high, broken in wiring.LINES
    ]
    return page(
        "Wiring",
        "controller/wiring.py",
        "![the wiring of the bench](wiring.svg)",
        table(("line", "Pico", "Pi", "analyser", "high means", "a broken wire reads as"), rows),
        f"Serial: {wiring.UART_BAUD} baud, 8N1. Both contacts of the kill switch are normally closed, to "
        "ground: low is closed is run. "
        f"{SERIES} in series on every line between the boards, {PULL_DOWN} pull-downs at "
        f"both ends of {' and '.join(PULLED_DOWN)}, common ground. USB data of the Pico is "
        "connected through a service jumper only: USB means a REPL and reflashing.",
        "**Erratum RP2040-E5.** On RP2040 B0 and B1 the work-around for USB enumeration takes GP15 for "
        "about 1 ms while a USB host enumerates the board, and GP15 is HALT. The pin floats then, and "
        "the pull-downs make it read low: it fails towards halt. USB is not connected in operation, "
        "and B2 does not need the work-around.",
    )


def wiring_picture() -> str:
    """Return docs/wiring.svg."""
    return picture(wires())


def bench_file_page() -> str:
    """Return docs/bench-file.md."""
    return page(
        "The bench file",
        "rig/benchfile.py",
        "`benches/NAME.toml` says what a bench is made of; `--bench NAME` takes it by name, `--bench "
        "FILE.toml` from anywhere. A key that is not listed is an error, named with file and section.",
        table(
            ("section", "key", "default", "what"),
            [(f"[{s}]" if s else "", f"`{k}`", d, w) for s, k, d, w in benchfile.documented()],
        ),
        "The kinds of analyser and stimulus, and their options, are those of their drivers.",
    )


PAGES = {
    "bench-file.md": bench_file_page,
    "protocol.md": protocol_page,
    "times.md": times_page,
    "trip-reasons.md": reasons_page,
    "wiring.md": wiring_page,
    "wiring.svg": wiring_picture,
}


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    parser = argparse.ArgumentParser(description="write the pages that come from tables")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a page differs")
    check = parser.parse_args(arguments).check
    different = 0
    for name, make in PAGES.items():
        path, text = folder / name, make()
        if path.exists() and path.read_text() == text:
            continue
        different += 1
        if check:
            print(f"docs/{name} is not what the tables say: run `python -m tools.docs`")
        else:
            path.write_text(text)
            print(f"docs/{name} written")
    return 1 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
