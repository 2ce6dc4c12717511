"""Panels: what is not known says so, what comes from outside is text, and the table is whole."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.dashboard import panels, parts, view, web, words
from tests.dashboard.test_story import SLOWLY

NOW_NS = 1_795_399_200 * 10**9
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
TAGS = {
    "p", "strong", "span", "dl", "div", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th",
    "td", "svg", "rect", "path", "circle", "figure", "figcaption", "polyline", "time", "code",
}  # fmt: skip


class Seen(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.said = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _value in attrs}

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _value in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def full(text: str = "x", number: float = 0.25) -> view.View:
    """A view in which everything is known, and every text is `text`."""
    guard = view.Guard(
        mode="NORMAL", reason=text, detail=text, epoch=3, profile=text, halt=text, ack=text,
        lamps={text: 1}, controller=text, controller_reason=text,
        inputs=dict.fromkeys(("SWITCH_A", "SWITCH_B", "REARM", "ENCLOSURE", "ACK"), False),
        faults=[text], ladder_done=True, forced=0, pids={text: None}, orders_sent=1, orders_refused=0,
        sessions=1, unanswered=0, noise=0, refused=0, mismatch=text,
    )  # fmt: skip
    trip = view.Trip(
        epoch=1, wall_ns=NOW_NS, reason=text, detail=text, controller_reason=text,
        emergency_to_ack_us=1.0, waited_us=1.0, halt_to_ack_us=1.0, ladder_us=1e4, rearmed_us=1e8,
    )  # fmt: skip
    return view.View(
        wall_ns=NOW_NS,
        sources=[view.Source(text, False, text)],
        guard=guard,
        since_wall_ns=NOW_NS - 5 * 10**9,
        watches=[view.Watch(text, "ms", 50, number, 2 * number)],
        trips=[trip],
        account=view.Account(
            orders=[view.Order(text, text, text, text, text)], positions={text: "1.5"}, price=1.0,
            equity=10.0, equity_wall_ns=NOW_NS, peak=20.0, fees=1.0, fills=2, points=[(1, 2.0), (5, 3.0)],
        ),
        forecast=view.Forecast(0.1, number, number, number, number, 3, 0),
        gauges=[view.Gauge(text, number, 0.2), view.Gauge(text, number, None, True)],
        enrichment=view.Enrichment(enabled=True, why=text, off=text, month=text, verdict=text),
        log=view.Log(records=5, head=text, wall_ns=NOW_NS, broken=text, receipt_count=4),
        alerts=[view.Alert(NOW_NS, 2, text, text, text)],
    )  # fmt: skip


def test_what_nobody_has_said_is_not_known_in_every_panel() -> None:
    for name, html in panels.render(view.View(wall_ns=NOW_NS)).items():
        if name != "gone":
            assert "not known" in html.lower(), name
        assert not re.search(r"\d", Seen(html).said.replace("95 %", "")) or name == "audit", html


@pytest.mark.parametrize("gone", ["", HOSTILE])
def test_what_comes_from_outside_is_text_and_nothing_else(gone: str) -> None:
    for html in panels.render(full(HOSTILE), gone).values():
        seen = Seen(html)
        assert set(seen.tags) <= TAGS
        assert not [name for name in seen.attributes if name.startswith("on") or name == "style"]
        assert seen.open == []
    whole = web.document(panels.render(full(HOSTILE), gone))
    assert "<script>alert" not in whole
    assert "<img" not in whole


@SLOWLY
@given(st.text("<>&\"'/= aé\x00\n", max_size=12), st.floats())
def test_any_text_and_any_number_can_be_shown(text: str, number: float) -> None:
    for html in panels.render(full(text, number)).values():
        assert set(Seen(html).tags) <= TAGS


def test_a_view_that_is_not_of_now_shows_no_mode_as_if_it_were() -> None:
    inside = panels.render(full(), "the reader is silent for 9 s")
    assert "NORMAL" not in inside["mode"]
    assert "NORMAL" in inside["said"]
    for panel in ("gone", "sources"):
        assert "silent for 9 s" in inside[panel]
    assert panels.render(full())["gone"] == ""


@pytest.mark.parametrize(
    ("contacts", "said"),
    [((False, False), "closed"), ((True, True), "open"), ((True, False), "differ")],
)
def test_the_switch_is_both_contacts(contacts: tuple[bool, bool], said: str) -> None:
    guard = full().guard
    assert guard is not None
    assert guard.inputs is not None
    inputs = guard.inputs | dict(zip(("SWITCH_A", "SWITCH_B"), contacts, strict=True))
    shown = msgspec.structs.replace(full(), guard=msgspec.structs.replace(guard, inputs=inputs))
    assert said in Seen(panels.render(shown)["wires"]).said


def test_every_mode_has_a_shape_of_its_own_and_its_name() -> None:
    guard = full().guard
    assert guard is not None
    drawn = {}
    for mode in ("NORMAL", "REDUCED", "PAUSED", "EMERGENCY"):
        shown = msgspec.structs.replace(full(), guard=msgspec.structs.replace(guard, mode=mode))
        html = panels.render(shown)["mode"]
        assert mode in Seen(html).said
        drawn[mode] = re.findall(r"<svg.*?</svg>", html)[0]
    assert len(set(drawn.values())) == 4


def test_over_the_limit_is_said_in_words() -> None:
    html = panels.render(full(number=0.25))["risk"]
    assert "over the limit" in html
    assert "loosened" in html
    assert "over the limit" not in panels.render(full(number=0.1))["risk"]


def test_every_panel_stands_on_the_page_once() -> None:
    whole = web.document(panels.render(None, "nothing yet"))
    for name, *_rest in panels.PANELS:
        assert whole.count(f'id="{name}"') == 1
    assert whole.count("<h1>") == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, words.NOT_KNOWN), (0, "0 µs"), (999, "999 µs"), (1500, "1.50 ms"), (2.5e6, "2.50 s"),
     (90e6, "1 min")],
)  # fmt: skip
def test_durations(value: float | None, shown: str) -> None:
    assert words.duration(value) == shown


def test_a_line_of_one_point_is_none_and_a_flat_one_is_drawn() -> None:
    assert parts.line("equity", [(1, 2.0)]) == ""
    assert "polyline" in parts.line("equity", [(1, 2.0), (1, 2.0)])


def test_a_bar_says_in_words_what_it_shows() -> None:
    assert 'aria-label="x: 50 % of the limit, 75 % at worst"' in parts.bar("x", 0.5, 0.75)
    assert 'class="over"' in parts.bar("x", 1.5)
    assert parts.bar("x", None) == ""
