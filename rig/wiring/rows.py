"""The wiring list: every wire of controller.wiring with the header pins of both boards."""

from typing import Any

import msgspec

from controller import wiring

# Place on the 40-pin header of the board, from 1: Raspberry Pi Pico datasheet (pinout), and the
# 40-pin header that every Pi since the B+ has. Only the GPIOs of the wiring table are needed.
PICO_HEADER = {0: 1, 1: 2, 2: 4, 3: 5, 4: 6, 5: 7, 14: 19, 15: 20, 18: 24, 19: 25, 20: 26}
PI_HEADER = {14: 8, 15: 10, 17: 11, 27: 13, 22: 15, 23: 16, 24: 18}
PICO_GROUND, PI_GROUND = 23, 14

SERIES = "330 ohm to 1 k"
PULL_DOWN = "10 k"
# The lines whose broken wire must read low at either end, whatever the chips' own pulls are.
PULLED_DOWN = ("HALT", "ACK")


class Wire(msgspec.Struct, frozen=True):
    """One line. A pin is a GPIO with its place on the header; None where nothing is connected."""

    line: str
    pico_gpio: int
    pico_pin: int
    pico_side: str
    pi_gpio: int | None
    pi_pin: int | None
    pi_side: str
    analyser: str | None
    series: str | None
    pull_down: str | None
    high_means: str
    broken_reads: str


def wires(channels: dict[str, str] | None = None) -> list[Wire]:
    """Return every line; `channels` are those of a bench file, else those of the table."""
    taps = {name: channel for channel, name in wiring.analysed()} | (channels or {})
    return [
        Wire(
            line=name,
            pico_gpio=pico,
            pico_pin=PICO_HEADER[pico],
            pico_side=side,
            pi_gpio=bcm,
            pi_pin=None if bcm is None else PI_HEADER[bcm],
            pi_side=pi_side,
            analyser=taps.get(name),
            series=SERIES if bcm is not None else None,
            pull_down=PULL_DOWN if name in PULLED_DOWN else None,
            high_means=high,
            broken_reads=broken,
        )
        for name, pico, side, bcm, pi_side, _channel, high, broken in wiring.LINES
    ]


def told(rows: list[Wire]) -> str:
    """Return the list for a person, at most 80 columns wide."""
    head = ("line", "Pico", "pin", "Pi", "pin", "probe", "high means", "parts")
    cells = [head] + [
        (
            row.line,
            f"GP{row.pico_gpio}",
            str(row.pico_pin),
            "-" if row.pi_gpio is None else f"BCM {row.pi_gpio}",
            "-" if row.pi_pin is None else str(row.pi_pin),
            row.analyser or "-",
            row.high_means.replace("; falling edge = halt", ""),
            " ".join(filter(None, ("R" if row.series else "", "pull" if row.pull_down else ""))),
        )
        for row in rows
    ]
    widths = [max(len(line[place]) for line in cells) for place in range(len(head))]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    return "\n".join([
        *lines,
        "",
        f"ground: Pico pin {PICO_GROUND} to Pi pin {PI_GROUND} and to the analyser",
        f"R: {SERIES} in series; pull: {PULL_DOWN} to ground at both ends",
        "contacts are normally closed, to ground; pin: place on the 40-pin header",
    ])  # fmt: skip


def as_json(rows: list[Wire]) -> dict[str, Any]:
    """Return the list as JSON types."""
    return {
        "uart_baud": wiring.UART_BAUD,
        "ground": {"pico_pin": PICO_GROUND, "pi_pin": PI_GROUND},
        "wires": [msgspec.to_builtins(row) for row in rows],
    }
