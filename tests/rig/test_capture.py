"""Captures: what is refused, and that both file formats give back what went in."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.capture import (
    LINES,
    Capture,
    CaptureError,
    from_events,
    read_sr,
    read_vcd,
    write_sr,
    write_vcd,
)
from rig.capture.sr import fitting_rate_hz

LOW = dict.fromkeys(LINES, 0)
DATE = datetime(2026, 1, 2, tzinfo=UTC)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def build(events, start=0, end=1_000_000, initial=LOW, lines=LINES) -> Capture:
    return from_events(
        events, bench="virtual", initial=initial, start_ns=start, end_ns=end, lines=lines
    )


@st.composite
def captures(draw, max_ns: int = 3_000_000) -> Capture:
    start = draw(st.integers(-(10**12), 10**15))
    end = start + draw(st.integers(1, max_ns))
    edges = {}
    for line in LINES:
        times = draw(st.sets(st.integers(start + 1, end), max_size=12))
        edges[line] = np.array(sorted(times), dtype=np.int64)
    initial = {line: draw(st.integers(0, 1)) for line in LINES}
    return Capture("virtual", initial, edges, start, end)


def sampled_levels(capture: Capture, line: str, rate_hz: int) -> list[int]:
    """The sampling rule, once more and slowly: sample k is the level at start + k/rate."""
    levels, k = [], 0
    while True:
        t_ns = capture.start_ns + k * 10**9 // rate_hz  # edges are whole ns, so floor is enough
        levels.append(capture.level_at(line, min(t_ns, capture.end_ns)))
        if k * 10**9 >= (capture.end_ns - capture.start_ns) * rate_hz:
            return levels
        k += 1


def test_repeats_are_dropped_and_edges_alternate():
    capture = build([(10, 0, 0), (20, 0, 1), (30, 0, 1), (30, 2, 1), (40, 0, 0), (50, 0, 1)])
    assert capture.edges["SWITCH_A"].tolist() == [20, 40, 50]
    assert capture.rising("SWITCH_A").tolist() == [20, 50]
    assert capture.falling("SWITCH_A").tolist() == [40]
    assert capture.rising("HALT").tolist() == [30]


def test_rising_and_falling_of_a_line_that_starts_high():
    capture = build([(5, 3, 0), (9, 3, 1)], initial={**LOW, "ACK": 1})
    assert capture.falling("ACK").tolist() == [5]
    assert capture.rising("ACK").tolist() == [9]


def test_an_event_at_the_start_is_the_start_level():
    capture = build([(0, 2, 1), (7, 2, 0)])
    assert capture.initial["HALT"] == 1
    assert capture.falling("HALT").tolist() == [7]


def test_levels_at_and_just_before_an_edge():
    capture = build([(20, 0, 1)])
    assert [capture.level_at("SWITCH_A", t) for t in (0, 19, 20, 21)] == [0, 0, 1, 1]
    assert [capture.level_before("SWITCH_A", t) for t in (20, 21)] == [0, 1]
    with pytest.raises(CaptureError, match="outside the capture"):
        capture.level_at("SWITCH_A", -1)


def test_window_keeps_levels_and_cuts_edges():
    part = build([(10, 0, 1), (20, 0, 0), (30, 0, 1)]).window(10, 25)
    assert (part.initial["SWITCH_A"], part.edges["SWITCH_A"].tolist()) == (1, [20])
    assert (part.start_ns, part.end_ns) == (10, 25)
    with pytest.raises(CaptureError):
        part.window(26, 30)


def test_one_edge_more_is_a_difference():
    short, long = build([(10, 0, 1)]), build([(10, 0, 1), (20, 0, 0)])
    assert not short.same_edges(long)
    assert short != long
    assert short.same_edges(build([(10, 0, 1)], end=2_000_000))


def test_edges_cannot_be_changed_afterwards():
    times = np.array([10, 20])
    capture = Capture("virtual", LOW, {**{k: times[:0] for k in LINES}, "ACK": times}, 0, 99)
    times[0] = 15
    assert capture.edges["ACK"].tolist() == [10, 20]
    with pytest.raises(ValueError, match="read-only"):
        capture.edges["ACK"][0] = 1


@pytest.mark.parametrize(
    "events",
    [
        [(20, 0, 1), (10, 0, 0)],
        [(10, 8, 1)],
        [(10, -1, 1)],
        [(10, 0, 2)],
        [(10, 0, -1)],
        [(10, 0)],
        [(10, 0, 1), (11, 0)],
        [(10.5, 0, 1)],
        [(float("nan"), 0, 1)],
        [("10", 0, 1)],
        [(2**70, 0, 1)],
        [(2_000_000, 0, 1)],
        [(-5, 0, 1)],
        [(10, 0, 1), (10, 0, 0)],
    ],
)
def test_bad_events_are_refused_in_one_line(events):
    with pytest.raises(CaptureError) as caught:
        build(events)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("times", [[0, 5], [5, 100], [5, 5], [6, 5], [[5]], [5.0], ["5"]], ids=str)
def test_edges_outside_or_out_of_order_are_refused(times):
    edges = {line: np.array([], dtype=np.int64) for line in LINES}
    with pytest.raises(CaptureError):
        Capture("virtual", LOW, {**edges, "ACK": np.array(times)}, 0, 99)


def test_a_capture_needs_every_line_and_a_span():
    edges = {line: np.array([], dtype=np.int64) for line in LINES}
    with pytest.raises(CaptureError, match="edges are for"):
        Capture("virtual", LOW, {"ACK": edges["ACK"]}, 0, 99)
    with pytest.raises(CaptureError, match="before"):
        Capture("virtual", LOW, edges, 99, 0)
    with pytest.raises(CaptureError, match="no line 'X'"):
        Capture("virtual", LOW, edges, 0, 99).rising("X")


@pytest.mark.parametrize("initial", [{}, {**LOW, "HALT": 2}, {**LOW, "HALT": None}])
def test_an_unknown_start_level_is_refused(initial):
    with pytest.raises(CaptureError):
        build([], initial=initial)


@pytest.mark.parametrize("lines", [(), ("A", "A"), ("A B",), ("A\n",)])
def test_names_that_would_break_a_file_are_refused(lines):
    with pytest.raises(CaptureError):
        build([], lines=lines, initial=dict.fromkeys(lines, 0))


@given(capture=captures(max_ns=10**12))
@SLOW
def test_vcd_round_trip_is_exact(tmp_path, capture):
    path = tmp_path / "x.vcd"
    write_vcd(capture, path, date=DATE)
    assert read_vcd(path) == capture


def test_vcd_header_says_bench_and_date(tmp_path):
    path = tmp_path / "x.vcd"
    write_vcd(build([(10, 0, 1)]), path, date=DATE)
    head = path.read_text().split("$enddefinitions")[0]
    assert "2026-01-02" in head
    assert "bench virtual" in head
    assert "$timescale 1 ns $end" in head


@given(capture=captures(), rate_hz=st.sampled_from([1_000, 1_000_000, 3_000_000, 7_000_001]))
@SLOW
def test_sr_round_trip_is_the_sampling_rule(tmp_path, capture, rate_hz):
    path = tmp_path / "x.sr"
    write_sr(capture, path, rate_hz=rate_hz)
    back = read_sr(path)
    for line in LINES:
        levels = sampled_levels(capture, line, rate_hz)
        ks = [k for k in range(1, len(levels)) if levels[k] != levels[k - 1]]
        times = [capture.start_ns + k * 10**9 // rate_hz for k in ks]
        assert back.edges[line].tolist() == times
        assert back.initial[line] == levels[0]
    write_sr(back, path, rate_hz=rate_hz)
    assert read_sr(path) == back


def test_sr_pieces_join_without_a_seam(tmp_path, monkeypatch):
    monkeypatch.setattr("rig.capture.sr.CHUNK_SAMPLES", 7)
    capture = build([(t * 1000, t % 8, 1) for t in range(1, 40)], end=50_000)
    write_sr(capture, tmp_path / "x.sr")
    assert read_sr(tmp_path / "x.sr") == capture
    with zipfile.ZipFile(tmp_path / "x.sr") as session:
        assert "logic-1-8" in session.namelist()


@pytest.fixture
def written(tmp_path) -> dict[str, Path]:
    capture = build([(1_000 * t, t % 8, t // 8 % 2) for t in range(1, 60)], end=70_000)
    write_vcd(capture, tmp_path / "x.vcd", date=DATE)
    write_sr(capture, tmp_path / "x.sr")
    return {"vcd": tmp_path / "x.vcd", "sr": tmp_path / "x.sr"}


READERS = {"vcd": read_vcd, "sr": read_sr}


@pytest.mark.parametrize("kind", ["vcd", "sr"])
def test_a_file_cut_at_any_byte_is_refused(written, kind):
    path, data = written[kind], written[kind].read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(CaptureError) as caught:
            READERS[kind](path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["vcd", "sr"])
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_flipped_byte_is_refused_or_harmless(written, kind, flip):
    path, data = written[kind], written[kind].read_bytes()
    good, harmless = READERS[kind](path), 0
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])
        try:
            assert READERS[kind](path) == good
        except CaptureError:
            continue
        harmless += 1  # zip keeps dates and versions without a checksum
    assert harmless == 0 if kind == "vcd" else harmless < len(data) / 3


@pytest.mark.parametrize("kind", ["vcd", "sr"])
def test_missing_and_empty_files_are_refused(tmp_path, kind):
    with pytest.raises(CaptureError, match="No such file"):
        READERS[kind](tmp_path / "absent")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(CaptureError, match="empty"):
        READERS[kind](tmp_path / "empty")


METADATA = """[global]
sigrok version=0.5.2
[device 1]
capturefile=logic-1
total probes=2
samplerate=1 MHz
probe1=D0
probe2=D1
unitsize=1
"""


def session(path: Path, metadata: str | None = METADATA, pieces=(b"\0\1\3",), version="2") -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("version", version)
        if metadata is not None:
            made.writestr("metadata", metadata)
        for number, piece in enumerate(pieces, start=1):
            made.writestr(f"logic-1-{number}", piece)
    return path


def test_an_analysers_own_session_needs_a_bench_and_a_start(tmp_path):
    path = session(tmp_path / "x.sr")
    capture = read_sr(path, lines=("A", "B"), bench="physical", start_ns=500)
    assert capture.rising("A").tolist() == [1500]
    assert capture.rising("B").tolist() == [2500]
    with pytest.raises(CaptureError, match="bench"):
        read_sr(path, lines=("A", "B"), start_ns=500)


def test_another_bench_than_the_file_says_is_refused(written):
    with pytest.raises(CaptureError, match="bench is virtual in the file, not physical"):
        read_sr(written["sr"], bench="physical")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"metadata": None}, "metadata"),
        ({"version": "1"}, "version 2"),
        ({"pieces": ()}, "missing"),
        ({"pieces": (b"",)}, "no sample"),
        ({"metadata": METADATA + "probe3=D2\n"}, "3 channels, not 2"),
        ({"metadata": METADATA.replace("probe2=D1\n", "")}, "1 channels, not 2"),
        ({"metadata": METADATA.replace("probe2=D1", "probe3=D2")}, "not the first 2"),
        ({"metadata": METADATA.replace("probe2=D1", "probe2=HALT")}, "D0, HALT"),
        ({"metadata": METADATA.replace("unitsize=1", "unitsize=2")}, "one byte"),
        ({"metadata": METADATA.replace("samplerate=1 MHz\n", "")}, "samplerate"),
        ({"metadata": METADATA.replace("1 MHz", "0 Hz")}, "rate"),
        ({"metadata": METADATA.replace("[device 1]", "")}, "not a readable"),
        ({"metadata": METADATA.replace("[global]", "[global]\nbot4 samples=4")}, "samples"),
        ({"metadata": "x" * 70_000}, "70000 bytes"),
    ],
)
def test_incomplete_sessions_are_refused_by_name(tmp_path, change, why):
    path = session(tmp_path / "odd.sr", **change)
    with pytest.raises(CaptureError, match=why) as caught:
        read_sr(path, lines=("A", "B"), bench="physical", start_ns=0)
    assert "odd.sr" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_piece_in_the_middle_is_refused(tmp_path):
    path = session(tmp_path / "x.sr", pieces=())
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("logic-1-1", b"\0")
        made.writestr("logic-1-3", b"\0")
    with pytest.raises(CaptureError, match="not in one row"):
        read_sr(path, lines=("A", "B"), bench="physical", start_ns=0)


@pytest.mark.parametrize("rate_hz", [0, -1, 2_000_000_000])
def test_odd_sample_rates_are_refused(tmp_path, rate_hz):
    with pytest.raises(CaptureError, match="rate"):
        write_sr(build([]), tmp_path / "x.sr", rate_hz=rate_hz)


@pytest.mark.skipif(shutil.which("sigrok-cli") is None, reason="sigrok-cli is not installed")
def test_sigrok_reads_our_session_edge_for_edge(tmp_path):
    rng = np.random.default_rng(4)
    times = np.sort(rng.choice(np.arange(1, 5_000_000), 400, replace=False)).tolist()
    events = [(t, int(rng.integers(8)), int(rng.integers(2))) for t in times]
    capture = build(events, end=5_000_000)
    assert sum(map(len, capture.edges.values())) > 100
    write_sr(capture, tmp_path / "x.sr")
    command = ["sigrok-cli", "-i", str(tmp_path / "x.sr"), "-O", "vcd"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    expected: dict[str, list[int]] = {}
    for line in LINES:
        samples = [-(-t // 1000) for t in capture.edges[line].tolist()]
        # two edges on one sample cancel; sigrok cannot have seen that pulse
        expected[line] = [k for k in samples if samples.count(k) % 2]
    assert sigrok_edges_us(said) == expected


def sigrok_edges_us(vcd: str) -> dict[str, list[int]]:
    """Edges in whole us of each line, from what `sigrok-cli -O vcd` prints at 1 MHz."""
    head, body = vcd.split("$enddefinitions $end")
    assert "$timescale 1 us $end" in head
    rows = [row.split() for row in head.splitlines() if row.startswith("$var")]
    names = {row[3]: row[4] for row in rows}
    assert list(names.values()) == list(LINES)
    edges: dict[str, list[int]] = {line: [] for line in LINES}
    for row in body.strip().splitlines():
        time, *changes = row.split()
        for change in changes if time != "#0" else ():
            edges[names[change[1:]]].append(int(time[1:]))
    return edges


@pytest.mark.parametrize(
    ("span_s", "rate_hz"), [(1, 12_000_000), (41, 12_000_000), (42, 4_000_000), (3_600, 1_000_000)]
)
def test_a_long_run_is_written_at_a_lower_rate(span_s, rate_hz):
    assert fitting_rate_hz(build([], end=span_s * 10**9)) == rate_hz


def test_a_vcd_of_many_changes_is_written_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("rig.capture.vcd_write._BATCH", 3)
    capture = build([(10 * t, t % 8, t // 8 % 2) for t in range(1, 100)])
    write_vcd(capture, tmp_path / "x.vcd")
    assert read_vcd(tmp_path / "x.vcd") == capture
