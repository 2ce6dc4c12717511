"""Captures: every format gives back what went in, sigrok's files too, and bad files are refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.capture import LINES, Capture, CaptureError, read_capture, write_capture, write_sr
from rig.capture.formats import BY_NAME, format_of
from rig.capture.sigrok_csv import write_sigrok_csv
from tests.rig.captures import SLOW, bench_at_work, captures, needs_sigrok, on_samples

EXACT = ("vcd", "saleae", "sigrok-csv")
RATES = st.sampled_from([1_000, 1_000_000, 3_000_000, 7_000_001, 24_000_000, 48_000_000])


@given(capture=captures(max_ns=10**12))
@SLOW
@pytest.mark.parametrize("form", EXACT)
def test_round_trip_is_exact(tmp_path, capture, form):
    path = tmp_path / "x"
    write_capture(capture, path, form)
    assert format_of(path).name == form
    bench = "virtual" if form == "saleae" else None
    assert read_capture(path, bench=bench) == capture


@given(capture=captures(), rate_hz=RATES)
@SLOW
def test_a_sampled_capture_is_the_same_in_all_formats(tmp_path, capture, rate_hz):
    path, capture = tmp_path / "x", on_samples(capture, rate_hz)
    for form in BY_NAME:
        write_capture(capture, path, form)
        back = read_capture(path, rate_hz=rate_hz if form == "saleae" else None)
        assert back.same_edges(capture), form
        assert back.rate_hz == rate_hz, form
        assert (back.start_ns, back.end_ns) == (capture.start_ns, capture.end_ns), form


@given(capture=captures(max_ns=100_000), rate_hz=RATES)
@SLOW
def test_csv_of_every_sample(tmp_path, capture, rate_hz):
    path, capture = tmp_path / "x.csv", on_samples(capture, rate_hz)
    write_sigrok_csv(capture, path, rate_hz=rate_hz)
    assert read_capture(path) == capture


def sigrok(*options: object) -> bytes:
    command = ["sigrok-cli", *map(str, options)]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


SIGROK_FORMS = (
    "vcd",
    "csv",
    "csv:time=true",
    "csv:time=true:dedup=true",
    "csv:time=true:dedup=true:label=channel",
    "csv:time=true:label=off",
    "csv:label=off",
    "csv:time=true:trigger=true",
    "csv:comment=#:value=;",
)
# Without comments the file names no rate: the caller has to.
SIGROK_SILENT_FORMS = (
    "csv:header=false",
    "csv:header=false:time=true",
    "csv:header=false:label=off",
    "csv:header=false:time=true:label=channel",
)


@needs_sigrok
@pytest.mark.parametrize("rate_hz", [1_000, 500_000, 1_000_000, 3_000_000, 7_000_000, 48_000_000])
def test_sigroks_own_files_are_the_same_capture(tmp_path, rate_hz):
    path = tmp_path / "x.sr"
    span_ns = min(100_000_000, 20_000 * 10**9 // rate_hz)
    capture = bench_at_work(1).window(99_950_000, 99_950_000 + span_ns)
    write_sr(on_samples(capture, rate_hz), path, rate_hz=rate_hz)
    expected = read_capture(path)
    assert sum(times.size for times in expected.edges.values()) > 0
    other = tmp_path / "other"
    for form in SIGROK_FORMS + SIGROK_SILENT_FORMS:
        other.write_bytes(sigrok("-i", path, "-O", form))
        silent = form in SIGROK_SILENT_FORMS
        named = LINES if silent and "channel" not in form else None
        rate = rate_hz if silent else None
        back = read_capture(other, lines=named, start_ns=expected.start_ns, rate_hz=rate)
        assert back.same_edges(expected), form
        assert (back.end_ns, back.rate_hz) == (expected.end_ns, rate_hz), form


@needs_sigrok
def test_sigrok_reads_our_csv(tmp_path):
    capture = on_samples(bench_at_work(1).window(99_900_000, 100_900_000), 12_000_000)
    write_sigrok_csv(capture, tmp_path / "x.csv", rate_hz=12_000_000)
    form = "csv:samplerate=12000000"
    sigrok("-I", form, "-i", tmp_path / "x.csv", "-o", tmp_path / "x.sr")
    back = read_capture(tmp_path / "x.sr", lines=LINES, start_ns=99_900_000)
    assert back.same_edges(capture)


LOGIC_2 = "Time [s],Channel 0,Channel 1\n-0.001,1,0\n0.000000042,0,0\n0.5,0,1\n"
LOGIC_1 = (
    "Time[s], Channel 0, Channel 1\n-0.001000000000000, 1, 0\n0.000000041666666, 0, 0\n0.5, 0, 1\n"
)
ISO = """Time,Channel 0,Channel 1
2026-01-02T03:04:05.999000000+00:00,1,0
2026-01-02T03:04:06.000000042Z,0,0
2026-01-02T05:04:06.500000000+02:00,0,1
"""


@pytest.mark.parametrize(
    ("text", "zero_ns"),
    [(LOGIC_2, 0), (LOGIC_1, 0), (ISO, 1_767_323_046 * 10**9), ("\ufeff" + LOGIC_2, 0)],
)
def test_exports_of_logic(tmp_path, text, zero_ns):
    path = tmp_path / "x.csv"
    path.write_text(text)
    capture = read_capture(path)
    assert capture.lines == ("SWITCH_A", "SWITCH_B")
    assert (capture.start_ns, capture.end_ns) == (zero_ns - 1_000_000, zero_ns + 500_000_000)
    assert capture.falling("SWITCH_A").tolist() == [zero_ns + 42]
    assert capture.rising("SWITCH_B").tolist() == [zero_ns + 500_000_000]


def test_a_rate_puts_rounded_times_on_their_samples(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("Time [s],Channel 0\n0.0,0\n0.000000042,1\n0.000000083,0\n0.000000125,1\n")
    capture = read_capture(path, rate_hz=24_000_000)
    assert capture.edges["SWITCH_A"].tolist() == [41, 83, 125]


VCD = """$timescale 1 us $end
$scope module x $end
$var wire 1 ! D0 $end
$var wire 1 " D1 $end
$upscope $end
$enddefinitions $end
#0 $dumpvars 0! 1" $end
#5 1!
$comment a note $end
#9 0" 0!
"""


def test_a_foreign_vcd(tmp_path):
    path = tmp_path / "x.vcd"
    path.write_text(VCD)
    capture = read_capture(path)
    assert capture.edges["SWITCH_A"].tolist() == [5_000, 9_000]
    assert (capture.initial["SWITCH_B"], capture.rate_hz, capture.bench) == (1, None, "unnamed")


SIGROK = "; CSV generated by libsigrok 0.5.2\n; Channels (2/2): D0, D1\n; Samplerate: 1 MHz\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("hello\n", "no capture"),
        (VCD.replace("1 us", "3 us"), "timescale"),
        (VCD.replace("wire 1 !", "wire 8 !"), "one bit"),
        (VCD.replace('" D1', "! D1"), "one bit"),
        (VCD.replace("#5 1!", "#5 x!"), "between 0 and 1"),
        (VCD.replace("#5 1!", "#5 1%"), "between 0 and 1"),
        (VCD.replace("#9", "#4"), "goes back"),
        (VCD.replace("#9", "#9999999999999999999999"), "out of range"),
        (VCD.replace("#9", "#" + "9" * 300), "word is longer|not a time"),
        (VCD.replace(' 1" $end', " $end"), "D1: no level"),
        (VCD.replace("$enddefinitions $end", ""), "cut short|not a line"),
        (VCD.replace("D1", "D9"), "wired to nothing"),
        (SIGROK, "no sample"),
        (SIGROK + "logic,logic\n1,2\n", "'2' is no level"),
        (SIGROK + "logic,logic\n1,0,1\n", "row 5 has 3 levels, not 2"),
        (SIGROK + "logic,logic,logic\n1,0,1\n", "3 channels, not 2"),
        (SIGROK + "microseconds,logic,logic\n5,1,0\n5,1,1\n", "not after"),
        (SIGROK + "microseconds,logic,logic\n1.5,1,0\n", "no time of a sample"),
        (
            SIGROK.replace("1 MHz", "2 MHz") + "nanoseconds,logic,logic\n7,1,0\n",
            "no time of a sample",
        ),
        (SIGROK.replace("; Samplerate: 1 MHz\n", "") + "1,0\n", "sample rate"),
        (SIGROK.replace("1 MHz", "0 Hz") + "1,0\n", "sample rate '0 Hz'"),
        (SIGROK.replace("1 MHz", "1 Hz") + "0,1,0\n999999999999999999,1,1\n", "out of range"),
        ("Time [s]\n", "channels is missing"),
        (LOGIC_2.replace("0.5,0,1", "0.5,0,X"), "'X' is no level"),
        (LOGIC_2.replace("0.5,0,1", "soon,0,1"), "no time in seconds"),
        (LOGIC_2.replace("0.5,0,1", "0.000000001,0,1"), "row 4: its time is not after"),
        (LOGIC_2.replace("0.5,0,1", "0.5,0"), "1 levels, not 2"),
        (ISO.replace("2026-01-02T05", "2026-02-30T05"), "never was"),
        (ISO.replace("+02:00", ""), "no ISO 8601"),
        ("1" * 70_000 + "\n", "no capture|longer than"),
        (LOGIC_2 + "1" * 70_000, "longer than"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, why):
    path = tmp_path / "odd"
    path.write_text(text)
    with pytest.raises(CaptureError, match=why) as caught:
        read_capture(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).count(str(path)) == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", list(BY_NAME))
def test_other_channels_than_the_bench_has_are_refused(tmp_path, form):
    write_capture(on_samples(bench_at_work(1), 1_000_000), tmp_path / "x", form)
    with pytest.raises(CaptureError, match="8 channels, not 7"):
        read_capture(tmp_path / "x", lines=LINES[:7])
    with pytest.raises(CaptureError, match="channels are SWITCH_A"):
        read_capture(tmp_path / "x", lines=(*LINES[:6], "PICO_TX", "LED_GREEN"))


def test_a_folder_and_an_absent_file_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(CaptureError, match=str(path)):
            read_capture(path)
    with pytest.raises(CaptureError, match="no format"):
        write_capture(bench_at_work(1), tmp_path / "x", "wav")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """One capture in every format, and in sigrok's manner of writing it."""
    path = tmp_path_factory.mktemp("captures") / "x"
    capture = on_samples(bench_at_work(1).window(99_000_000, 103_000_000), 1_000_000)
    found = {}
    for form in BY_NAME:
        write_capture(capture, path, form)
        found[form] = path.read_bytes()
    write_sigrok_csv(capture, path, rate_hz=1_000_000)
    found["every-sample"] = path.read_bytes()
    found["foreign-vcd"] = VCD.encode()
    return found


def read_or_refuse(path: Path) -> Capture | None:
    """What reading gives; nothing but a CaptureError of one line may come instead."""
    said = ""
    try:
        return read_capture(path)
    except CaptureError as error:
        said = str(error)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return None


DAMAGED = st.sampled_from([*BY_NAME, "every-sample", "foreign-vcd"])
SEALED = ("sr", "vcd")


@given(form=DAMAGED, where=st.floats(0, 1, exclude_max=True))
@SLOW
def test_a_cut_file_is_refused_or_gives_what_is_left(tmp_path, files, form, where):
    path, data = tmp_path / "cut", files[form]
    path.write_bytes(data)
    whole = read_capture(path)
    path.write_bytes(data[: int(where * len(data))])
    found = read_or_refuse(path)
    if found is not None:
        assert form not in SEALED
        assert found.end_ns <= whole.end_ns


@given(form=DAMAGED, where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@SLOW
def test_a_flipped_byte_is_refused_or_gives_a_capture(tmp_path, files, form, where, flip):
    path, data = tmp_path / "flipped", bytearray(files[form])
    path.write_bytes(data)
    whole = read_capture(path)
    data[int(where * len(data))] ^= flip
    path.write_bytes(data)
    found = read_or_refuse(path)
    if form in SEALED and found is not None:
        assert found == whole


@given(data=st.binary(max_size=400), head=st.sampled_from([b"", b"PK\3\4", VCD.encode()[:140]]))
@SLOW
def test_garbage_is_refused(tmp_path, data, head):
    path = tmp_path / "garbage"
    path.write_bytes(head + data)
    read_or_refuse(path)
