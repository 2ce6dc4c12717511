"""The wiring picture: SVG, drawn from the wiring list alone, so it cannot show another bench.

The person's contacts are on the left, the Pico in the middle, the Pi on the right, the analyser
below with one probe a column. A dot is a connection; lines that only cross are not connected.
"""

from xml.sax.saxutils import escape

from rig.wiring.rows import PI_GROUND, PICO_GROUND, PULL_DOWN, SERIES, Wire

WIDTH, ROW, TOP = 1240, 60, 112
CONTACT_X, PICO_X, PICO_W, PI_X, PI_W = 60, 360, 150, 1010, 150
RESISTOR_X = 600
PROBES_X, PROBE_STEP = 700, 34
# The wire colours that most eight-channel analysers come with, D0 to D7.
COLOURS = ("#222222", "#8b4513", "#d62728", "#e07b00", "#b59b00", "#2c8a2c", "#1f5fbf", "#7d3fb2")
LAMPS = {"LED_RED": "#e23b3b", "LED_YELLOW": "#e8c11c", "LED_GREEN": "#35a853"}
CONTACTS = {
    "SWITCH_A": "kill switch, contact A (NC)",
    "SWITCH_B": "kill switch, contact B (NC)",
    "REARM": "re-arm button (NO)",
    "ENCLOSURE": "enclosure loop (NC)",
}
STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;font-size:13px;fill:#1a1a1a}"
    ".h{font-size:22px;font-weight:bold}.b{font-size:15px;font-weight:bold}.s{font-size:11px;"
    "fill:#444}.w{stroke:#1a1a1a;stroke-width:1.6;fill:none}.d{stroke-width:1.8;fill:none}"
    ".box{fill:#f4f6f8;stroke:#1a1a1a;stroke-width:1.6}.r{fill:#fff;stroke:#1a1a1a;"
    "stroke-width:1.4}"
)


def picture(wires: list[Wire]) -> str:
    """Return the whole SVG document."""
    alone = [wire for wire in wires if wire.pi_gpio is None]
    joined = [wire for wire in wires if wire.pi_gpio is not None]
    rows = {
        wire.line: TOP + 40 + ROW * n for side in (alone, joined) for n, wire in enumerate(side)
    }
    ground_y = TOP + 40 + ROW * len(joined)
    bottom = ground_y + 40
    probed = [wire for wire in wires if wire.analyser]
    parts = [
        _text(WIDTH / 2, 34, "Bot4: the wiring of the bench", "h", "middle"),
        _text(WIDTH / 2, 56, _note(), "s", "middle"),
        _board(PICO_X, PICO_W, bottom, "Raspberry Pi Pico"),
        _board(PI_X, PI_W, bottom, "Raspberry Pi"),
        *(_contact(wire, rows[wire.line]) for wire in alone),
        *(_between(wire, rows[wire.line]) for wire in joined),
        _ground_wire(ground_y, bottom + 92, PROBES_X + PROBE_STEP * len(probed) + 10),
        *(_probe(wire, n, rows[wire.line], bottom + 70) for n, wire in enumerate(probed)),
        _analyser(probed, bottom + 70),
    ]
    height = bottom + 170
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="Wiring of the bench">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _note() -> str:
    return (
        f"R = {SERIES} in series on every line between the boards; {PULL_DOWN} pull-downs at both "
        "ends of HALT and ACK; each lamp has an R of its own. USB of the Pico stays unplugged in "
        "operation."
    )


def _board(x: int, width: int, bottom: int, name: str) -> str:
    return (
        f'<rect class="box" x="{x}" y="{TOP}" width="{width}" height="{bottom - TOP}" rx="8"/>'
        + _text(x + width / 2, TOP - 10, name, "b", "middle")
    )


def _contact(wire: Wire, y: int) -> str:
    """A contact of the person's side: ground, contact, Pico."""
    x, end = CONTACT_X, PICO_X
    closed = wire.line != "REARM"
    blade = f"M{x + 40} {y} L{x + 88} {y - (3 if closed else 18)}"
    return "".join([
        _ground(x, y),
        f'<path class="w" d="M{x} {y} H{x + 40} {blade} M{x + 90} {y} H{end}"/>',
        f'<circle cx="{x + 40}" cy="{y}" r="3"/><circle cx="{x + 90}" cy="{y}" r="3"/>',
        _text(x, y - 24, CONTACTS.get(wire.line, wire.line), ""),
        _pico_pin(wire, y, left=True),
    ])  # fmt: skip


def _between(wire: Wire, y: int) -> str:
    """A line from board to board: resistor, pull-downs, lamp, both pins."""
    left, right = PICO_X + PICO_W, PI_X
    from_pico = wire.pico_side == "out" or wire.line == "PICO_TX"
    parts = [
        f'<path class="w" d="M{left} {y} H{right}"/>',
        f'<rect class="r" x="{RESISTOR_X}" y="{y - 7}" width="40" height="14"/>',
        _text(RESISTOR_X + 20, y + 4, "R", "s", "middle"),
        _text(RESISTOR_X + 50, y - 8, wire.line, "b"),
        _arrow(right - 30 if from_pico else left + 24, y, 1 if from_pico else -1),
        _pico_pin(wire, y, left=False),
        _text(PI_X + 10, y + 4, f"BCM {wire.pi_gpio}"),
        _text(PI_X + PI_W + 8, y + 4, f"pin {wire.pi_pin}", "s"),
    ]
    if wire.pull_down:
        parts += [_pull_down(left + 46, y), _pull_down(right - 46, y)]
    if wire.line in LAMPS:
        parts.append(_lamp(left + 46, y, LAMPS[wire.line]))
    return "".join(parts)


def _pico_pin(wire: Wire, y: int, left: bool) -> str:
    inside, outside = (PICO_X + 10, PICO_X - 6) if left else (PICO_X + PICO_W - 10, 0)
    anchor = "start" if left else "end"
    label = _text(inside, y + 4, f"GP{wire.pico_gpio}", "", anchor)
    if left:
        return label + _text(outside, y - 6, f"pin {wire.pico_pin}", "s", "end")
    return label + _text(PICO_X + PICO_W + 6, y + 16, f"pin {wire.pico_pin}", "s")


def _ground_wire(y: int, analyser_y: int, analyser_x: int) -> str:
    left = PICO_X + PICO_W
    return (
        f'<path class="w" style="stroke-width:3" d="M{left} {y} H{PI_X}"/>'
        f'<path class="w" d="M{analyser_x} {y} V{analyser_y}"/>'
        f'<circle cx="{analyser_x}" cy="{y}" r="4"/>'
        + _text(RESISTOR_X + 50, y - 8, "GROUND", "b")
        + _text(left - 10, y + 4, "GND", "", "end")
        + _text(left + 6, y + 16, f"pin {PICO_GROUND}", "s")
        + _text(PI_X + 10, y + 4, "GND")
        + _text(PI_X + PI_W + 8, y + 4, f"pin {PI_GROUND}", "s")
    )


def _probe(wire: Wire, place: int, y: int, top: int) -> str:
    """A probe: a dot on its line and a wire down to the analyser."""
    colour, x = COLOURS[place % len(COLOURS)], PROBES_X + PROBE_STEP * place
    if wire.pi_gpio is not None:
        path = f"M{x} {y} V{top}"
        dot_x = x
    else:  # round the Pico, below both boards
        dot_x = PICO_X - 70 - 24 * place
        path = f"M{dot_x} {y} V{top - 20 - 14 * place} H{x} V{top}"
    return (
        f'<path class="d" stroke="{colour}" d="{path}"/>'
        f'<circle cx="{dot_x}" cy="{y}" r="4.5" fill="{colour}"/>'
    )


def _analyser(probed: list[Wire], top: int) -> str:
    left, width = PROBES_X - 30, PROBE_STEP * len(probed) + 80
    parts = [
        f'<rect class="box" x="{left}" y="{top}" width="{width}" height="58" rx="8"/>',
        _text(left + width / 2, top + 78, "logic analyser", "b", "middle"),
        _text(PROBES_X + PROBE_STEP * len(probed) + 10, top + 36, "GND", "s", "middle"),
    ]
    for place, wire in enumerate(probed):
        x = PROBES_X + PROBE_STEP * place
        parts.append(_text(x, top + 20 + 18 * (place % 2), wire.analyser or "", "", "middle"))
    return "".join(parts)


def _pull_down(x: int, y: int) -> str:
    return (
        f'<circle cx="{x}" cy="{y}" r="3"/><path class="w" d="M{x} {y} V{y + 8} M{x} {y + 30} '
        f'V{y + 36}"/><rect class="r" x="{x - 6}" y="{y + 8}" width="12" height="22"/>'
        + _text(x + 10, y + 24, PULL_DOWN, "s")
        + _ground(x, y + 36)
    )


def _lamp(x: int, y: int, colour: str) -> str:
    """A lamp with a resistor of its own, on the Pico's side: it must not pull the read-back down."""
    return (
        f'<circle cx="{x}" cy="{y}" r="3"/><path class="w" d="M{x} {y} V{y + 6} M{x} {y + 20} '
        f'V{y + 24} M{x} {y + 36} V{y + 38}"/><rect class="r" x="{x - 5}" y="{y + 6}" width="10" '
        f'height="14"/><circle cx="{x}" cy="{y + 30}" r="6.5" fill="{colour}" stroke="#1a1a1a"/>'
        + _text(x + 10, y + 17, "R", "s")
        + _ground(x, y + 38)
    )


def _ground(x: int, y: int) -> str:
    return (
        f'<path class="w" d="M{x} {y} V{y + 5} M{x - 8} {y + 5} H{x + 8} M{x - 5} {y + 9} '
        f'H{x + 5} M{x - 2} {y + 13} H{x + 2}"/>'
    )


def _arrow(x: int, y: int, way: int) -> str:
    return f'<path d="M{x - 6 * way} {y - 6} L{x + 6 * way} {y} L{x - 6 * way} {y + 6} Z"/>'


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}"{kind} text-anchor="{anchor}">{escape(text)}</text>'
