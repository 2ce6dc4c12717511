"""Page and terminal table: complete, escaped, self-contained, never better than the data."""

from __future__ import annotations

import io
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from rig.capture import LINES, from_events
from rig.latency import Press, find_presses, samples_us, stats
from rig.report import Run, figures, print_summary, render, run_of, theme, timeline, write_page
from rig.report.page import draw
from rig.report.views import pick
from rig.report.words import micros
from tests.rig import runs

MS = 1_000_000
VOID = {"meta", "br", "link", "img"}


class Tags(HTMLParser):
    """Checks that tags nest, and keeps them with their attributes and the text between."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def one_run(layout: str = "one_core", missing: bool = False) -> Run:
    events = []
    for k in range(5):
        t = (k + 1) * 100 * MS
        events += [(t, 0, 1), (t + 10_000, 2, 0), (t + 70_000 + k * 1000, 3, 1)]
        events += [(t + 50 * MS, 0, 0), (t + 51 * MS, 3, 0), (t + 52 * MS, 2, 1)]
    if missing:
        events = [e for e in events if e[1] != 3 or e[0] > 200 * MS]
    initial = {**dict.fromkeys(LINES, 0), "HALT": 1}
    capture = from_events(events, bench="virtual", initial=initial, start_ns=0, end_ns=700 * MS)
    return run_of(layout, capture, find_presses(capture))


def result(run: Run, **changes) -> dict:
    latency = {key: stats(values) for key, values in samples_us(run.presses).items()}
    floor = stats([10.0, 20.0, 345.0])
    layout = {"latency_us": latency, "noise_floor_us": floor, "presses": 5, "verdict": "pass"}
    made = {
        "bench": "virtual",
        "mcu": "micropython-unix",
        "micropython": "1.26.1",
        "data": {"source": "BTC/USDT", "rows": 4321, "rows_replayed": 1234},
        "presses": 5,
        "latency_us": latency,
        "layouts": {run.layout: {**layout, "misses": []}},
        "noise_floor_us": floor,
        "orders": {"sent": 77, "refused": 6, "after_ack": 0, "after_ack_cancel": 9},
        "audit": {"records": 55, "verified": True},
        "limit_us": 1000,
        "verdict": "pass",
        "reasons": [],
        "artifacts": {"report": "out/report.html", "capture_sr": "out/x.sr"},
        "environment": {"kernel": "6.1", "scheduler": "SCHED_FIFO 50"},
    }
    return {**made, **changes}


def terminal(given: dict) -> str:
    out = io.StringIO()
    print_summary(given, Console(file=out, width=80, color_system=None))
    return out.getvalue()


def test_the_page_holds_all_that_was_measured():
    run = one_run()
    words = Tags(render(result(run), [run])).words
    for wanted in (
        "PASS",
        "bench: virtual - no hardware was measured",
        "All on one core",
        "switch → ACK 72.0 unknown unknown 74.0 5",
        "noise floor 20.0 unknown unknown 345 3",
        "Median press (no. 3)",
        "Worst press (no. 5)",
        "new orders sent 77",
        "orders after ACK (must be 0) 0",
        "verified; records: 55",
        "kernel 6.1",
        "out/x.sr",
        "5 presses",
        *LINES,
    ):
        assert wanted in words, wanted


def test_the_page_needs_nothing_from_outside():
    run = one_run()
    page = render(result(run), [run])
    tags = Tags(page).seen
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "base"}
    names = {name for _, attrs in tags for name in attrs}
    assert not names & {"src", "href", "srcset", "action"}
    assert not any(name.startswith("on") for name in names)
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    within = {attrs["xlink:href"].removeprefix("#") for _, attrs in tags if "xlink:href" in attrs}
    within |= {name for name in re.findall(r"url\(#([^)]+)\)", page)}
    assert within <= set(ids)
    assert page.count("url(") == page.count("url(#")
    assert "http:" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", page)
    assert "https:" not in page
    assert "@import" not in page


def test_only_the_physical_bench_goes_without_the_banner():
    run = one_run()
    for bench in ("virtual", "emulated", None, "Physical"):
        assert "no hardware was measured" in render(result(run, bench=bench))
        assert "no hardware was measured" in terminal(result(run, bench=bench))
    assert "no hardware was measured" not in render(result(run, bench="physical"))
    assert "no hardware was measured" not in terminal(result(run, bench="physical"))


@pytest.mark.parametrize(
    ("verdict", "head"),
    [
        ("pass", "PASS"),
        ("too_noisy", "TOO NOISY"),
        ("fail", "FAIL"),
        ("fine", "NO VERDICT"),
        (None, "NO VERDICT"),
        (["pass"], "NO VERDICT"),
        (True, "NO VERDICT"),
    ],
)
def test_the_verdict_stands_in_words_at_the_top(verdict, head):
    given = result(one_run(), verdict=verdict, reasons=["the reason"])
    for text in (Tags(render(given)).words, terminal(given)):
        assert head in text
        assert "the reason" in text
        assert text.index("the reason") < text.index("noise floor")
    assert ('class="verdict pass"' in render(given)) == (verdict == "pass")


def test_a_missed_press_is_the_worst_and_is_listed():
    run = one_run(missing=True)
    misses = [{"press": 0, "kind": "missing", "latency_us": None, "probe_us": None}]
    layouts = {"one_core": {"verdict": "fail", "presses": 5, "misses": misses}}
    words = Tags(render(result(run, verdict="fail", layouts=layouts), [run])).words
    assert "Worst press (no. 1): switch → ACK not measured" in words
    assert "ACK never rose" in words
    assert "1 0.000 not measured 10.0 not measured never ended" in words


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "12", True, [1]])
def test_what_is_no_number_is_not_measured(value):
    assert micros(value) == "not measured"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.00"), (0.104, "0.10"), (62.04, "62.0"), (1473.1, "1,473")]
)
def test_microseconds_keep_their_useful_digits(value, text):
    assert micros(value) == text


def test_an_empty_result_is_shown_and_is_no_pass():
    for text in (Tags(render({})).words, terminal({})):
        assert "NO VERDICT" in text
        assert "not measured" in text
        assert "PASS" not in text


NASTY = st.sampled_from(
    ["<script>alert(1)</script>", '"><img src=x onerror=y>', "[bold]x[/]", "[/]", "&amp;", "'", "é"]
)
VALUES = st.one_of(
    NASTY, st.none(), st.floats(), st.integers(-(10**20), 10**20), st.booleans(), st.just([])
)
JSON = st.recursive(VALUES, lambda inner: st.dictionaries(NASTY, inner, max_size=3), max_leaves=6)


DRAWN: dict = {}  # pictures take a second; what is hostile here is the result


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_odd_and_hostile_values_are_only_text(data):
    run = one_run()
    given = result(run)
    drawn = DRAWN.get("one") or DRAWN.setdefault("one", draw(given, [run]))
    for key in data.draw(st.sets(st.sampled_from(sorted(given)), min_size=1)):
        given[key] = data.draw(JSON)
    tags = Tags(render(given, [run], drawn))
    assert not {tag for tag, _ in tags.seen} & {"script", "img"}
    terminal(given)


@pytest.mark.parametrize("nasty", ["<b>x</b>", "[red]x[/red]", "[/]"])
def test_text_comes_out_as_it_went_in(nasty):
    changes = {"reasons": [nasty], "artifacts": {"report": nasty}, "environment": {nasty: nasty}}
    given = result(one_run(), **changes)
    assert Tags(render(given)).words.count(nasty) == 4
    assert terminal(given).count(nasty) == 2


def test_the_terminal_table_fits_eighty_columns():
    long = "/very/long/" + "path/" * 30
    slow = {key: 12_345_678.9 for key in ("p50", "p99", "p999", "max")} | {"n": 1_000_000}
    layout = {"latency_us": dict.fromkeys(("switch_to_ack", "halt_to_ack"), slow)}
    given = result(one_run(), artifacts={"report": long}, layouts={"own_core": layout})
    text = terminal(given)
    rows = [row for row in text.splitlines() if long not in row]
    assert max(map(len, rows)) <= 80
    assert "12,345,679" in text


def test_a_path_stays_on_one_line_so_that_it_can_be_copied():
    long = "/very/long/" + "path/" * 30
    text = terminal(result(one_run(), artifacts={"report": long}))
    assert sum(long in row for row in text.splitlines()) == 1


@given(st.lists(st.floats(0, 1e8), min_size=1, max_size=30), st.none() | st.floats(0.1, 1e6))
def test_every_histogram_counts_all_samples(values, limit_us):
    counts, edges = figures.bins(np.array(values), limit_us)
    assert counts.sum() == len(values)
    assert edges[-1] >= (limit_us or 0)


def test_the_limit_is_named_in_the_picture_and_nothing_is_told_by_colour_alone():
    picture = figures.histogram("h", "t", np.array([10.0, 20.0, 300.0]), 1000.0).svg
    assert "limit 1,000 us" in picture
    assert "stroke-dasharray" in picture
    stages = {name: np.array([10.0, 20.0, 300.0]) for name in ("one", "two")}
    picture = figures.cdf("c", stages, None).svg
    assert ">one<" in picture
    assert ">two<" in picture
    assert "limit" not in picture


def test_a_line_with_very_many_edges_is_drawn_as_hatched_blocks():
    run = runs.run(2, serial_edges=6000)
    view = run.views["median"]
    picture = timeline.picture("t", "t", view.capture, run.presses[view.index])
    assert view.capture.edges["PICO_TX"].size > 1000
    assert "<pattern" in picture.svg
    assert len(picture.svg) < 60_000


def test_the_time_line_names_every_line_and_every_moment():
    run = runs.run(3)
    view = run.views["worst"]
    press, closing = run.presses[view.index], run.closing(view.index)
    picture = timeline.picture("t", "t", view.capture, press, closing).svg
    for line in LINES:
        assert f">{line}<" in picture
    assert timeline.moments(press, closing).keys() == {1, 2, 3, 4}
    assert timeline.moments(Press(1, None, None), None) == {1: 1}


def test_pictures_on_the_page_follow_the_readers_colours():
    inline = figures.histogram("h", "t", np.array([10.0]), 1000.0).inline()
    assert "var(--bar)" in inline
    assert not re.findall("#[0-9a-f]{6}", inline)
    assert len(set(theme.LIGHT.values())) == len(theme.LIGHT)


def test_the_same_picture_is_the_same_file():
    once, again = (figures.histogram("h", "t", np.array([10.0]), 1.0).svg for _ in range(2))
    assert once == again


def test_pick_finds_median_and_worst():
    presses = [Press(0, 1, t) for t in (30, 10, 20, 40)]
    assert pick(presses) == (2, 3)
    assert pick([*presses, Press(0, 1, None)]) == (2, 4)
    assert pick([]) == (None, None)


def test_a_percentile_that_two_hundred_presses_cannot_show_is_unknown():
    run = runs.run(200)
    given = runs.result(run)
    for text in (Tags(render(given)).words, terminal(given)):
        assert "p99.9 cannot be known from 200 presses: 3,688 bound it" in text
        assert "0 of 200 presses failed: at most 1.49 % of presses fail" in text
        row = next(row for row in re.findall(r"switch → ACK\s+([^→]*)", text) if "200" in row)
        p50, p99, p999, largest = row.split()[:4]
        assert p999 == "unknown"
        assert float(p50) < float(p99) < float(largest)
        assert "HALT → seen by guard" in text
        assert "30,126" in text  # stretches


def test_each_miss_names_its_stage_and_what_the_probe_saw():
    run = runs.run(30)
    given = runs.result(run, limit_us=60.0)
    misses = given["layouts"]["one_core"]["misses"]
    assert 0 < len(misses) < 30
    for text in (Tags(render(given)).words, terminal(given)):
        assert "unexplained" in text
        assert "usually" in text
        assert "switch → HALT" in text


def test_of_very_many_presses_the_slowest_are_listed():
    run = runs.run(300)
    slowest = max(press.switch_to_ack_us for press in run.presses)
    words = Tags(render(runs.result(run), [run])).words
    assert "the 100 slowest of 300 presses" in words
    assert f" {micros(slowest)} " in words.split("the 100 slowest")[1][:200]


def test_the_page_is_written_in_utf8(tmp_path):
    run = one_run()
    write_page(tmp_path / "r.html", result(run), [run])
    assert "switch → ACK" in (tmp_path / "r.html").read_text(encoding="utf-8")
