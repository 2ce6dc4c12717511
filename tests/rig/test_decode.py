"""What a capture tells: serial bytes, messages, reference pulses, bouncing, swapped channels."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import protocol, states, wiring
from rig.capture import LINES, Capture, CaptureError, read_capture, write_capture, write_sr
from rig.decode import audit, channels, lamps, pulses, uart
from rig.decode.analysis import analyse
from rig.decode.messages import read_messages
from rig.virtual import serial_line
from tests.rig.captures import (
    MS,
    SLOW,
    bench_at_work,
    controller_channel,
    needs_sigrok,
    on_samples,
    spoken,
)

WRITES = st.lists(st.tuples(st.integers(0, 400_000), st.binary(max_size=20)), max_size=12)


def serial_capture(written, end_ns=20 * MS, **more) -> Capture:
    """A capture whose serial line carries (ns, bytes); the other lines are quiet."""
    edges = dict.fromkeys(LINES, np.empty(0, np.int64))
    edges["PICO_TX"] = serial_line.edges(written, start_ns=0, end_ns=end_ns)
    return Capture("virtual", {**dict.fromkeys(LINES, 0), "PICO_TX": 1}, edges, 0, end_ns, **more)


@given(writes=WRITES)
@SLOW
def test_bytes_come_back_at_their_times_and_never_two_at_once(writes):
    written, at = [], 1_000
    for pause, data in writes:
        at += pause
        written.append((at, data))
    heard = uart.decode(serial_capture(written))
    assert heard.values.tobytes() == b"".join(data for _at, data in written)
    assert (heard.framing_errors, heard.false_starts) == (0, 0)
    assert np.all(np.diff(heard.at_ns) >= 10 * 10**9 // wiring.UART_BAUD)
    free, begins = 0, iter(heard.at_ns.tolist())
    for at, data in written:
        for _byte in data:
            begin = next(begins)
            assert begin == max(at, free)
            free = begin + heard.byte_ns


@given(data=st.binary(min_size=1, max_size=60), rate_hz=st.sampled_from([4_000_000, 12_000_000]))
@SLOW
def test_samples_are_enough(data, rate_hz):
    capture = on_samples(serial_capture([(5_000, data)]), rate_hz)
    assert uart.decode(capture).values.tobytes() == data


@needs_sigrok
@pytest.mark.parametrize("rate_hz", [8_000_000, 12_000_000, 24_000_000])
def test_the_same_bytes_as_sigroks_decoder(tmp_path, rate_hz):
    rng = np.random.default_rng(rate_hz)
    written = [(t * MS + 77, rng.bytes(int(rng.integers(1, 60)))) for t in range(1, 19)]
    write_sr(serial_capture(written), tmp_path / "x.sr", rate_hz=rate_hz)
    command = ["sigrok-cli", "-i", str(tmp_path / "x.sr"), "-B", "uart=rx"]
    command += ["-P", f"uart:rx=PICO_TX:baudrate={wiring.UART_BAUD}"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    heard = uart.decode(read_capture(tmp_path / "x.sr"))
    assert len(said) > 100
    assert heard.values.tobytes() == said
    assert read_messages(heard).messages == []


def test_framing_errors_false_starts_and_a_cut_byte():
    line = np.array([1_000, 1_300, 20_000, 32_000, 95_000], dtype=np.int64)
    capture = serial_capture([])
    capture = replace(capture, edges={**capture.edges, "PICO_TX": line}, end_ns=100_000)
    heard = uart.decode(capture)
    assert heard.at_ns.tolist() == [20_000]
    assert (heard.framing_errors, heard.false_starts) == (1, 1)


def test_too_few_samples_for_the_line_are_said():
    with pytest.raises(CaptureError, match="1000000 samples a second cannot tell 921600 baud"):
        uart.decode(serial_capture([], rate_hz=1_000_000))


def test_messages_with_noise_gaps_and_strangers():
    channel = controller_channel()
    first = spoken(MS, "STATUS", (states.ARMED, 0, 0, 4, 0, 0, 0, 0), channel)
    channel.encode("CHALLENGE", (bytes(8),), 0)  # never sent: a gap
    trip = spoken(3 * MS, "TRIP", (2, 2_999), channel)
    broken = (4 * MS, bytes([trip[1][0], trip[1][1] ^ 2]) + trip[1][2:])
    stranger = (5 * MS, channel.encode("MODE", (0, 0, 0), 0))
    head, tail = (100, b"\x07half a frame\0"), (9 * MS, b"\x05cut")
    traffic = read_messages(
        uart.decode(serial_capture([head, first, trip, broken, stranger, tail]))
    )
    assert [message.name for message in traffic.messages] == ["STATUS", "TRIP"]
    assert traffic.messages[1].fields == {"reason": 2, "at_us": 2_999}
    assert traffic.messages[1].at_ns == 3 * MS
    assert traffic.messages[1].uptime_us == 3_000
    counts = (traffic.noise, traffic.cut_off, traffic.foreign, traffic.lost)
    assert counts == (1, 2, 1, 1)


@given(data=st.binary(max_size=300))
@SLOW
def test_any_bytes_are_messages_or_counted(data):
    heard = uart.decode(serial_capture([(1_000, data)]))
    traffic = read_messages(heard)
    assert not traffic.messages
    refused = traffic.noise + traffic.cut_off + traffic.foreign
    assert refused == sum(bool(piece) for piece in data.split(b"\0"))


def test_every_message_of_the_protocol_is_read():
    sent, channel = [], controller_channel()
    rows = [row for row in protocol.MESSAGES if row[protocol.SENDER] != protocol.HOST]
    for number, row in enumerate(rows, start=1):
        values = protocol.unpack(row, bytes(len(protocol.pack(row[1], _zeros(row)))))
        sent.append(spoken(number * 2 * MS, row[protocol.NAME], values, channel))
    heard = read_messages(uart.decode(serial_capture(sent, end_ns=99 * MS)))
    assert [m.name for m in heard.messages] == [row[protocol.NAME] for row in rows]
    assert heard.lost == 0


def _zeros(row) -> list:
    widths = [part for part in row[protocol.LAYOUT].strip("<").replace("s", "s ").split()]
    text = "".join(widths)
    values, digits = [], ""
    for letter in text:
        if letter.isdigit():
            digits += letter
        else:
            values.append(bytes(int(digits)) if letter == "s" else 0)
            digits = ""
    return values


def test_the_lamp_test_bounds_the_clock_error():
    exact = lamps.find_reference(bench_at_work())
    assert exact is not None
    assert exact.widths_ns == (10 * MS, 20 * MS, 30 * MS)
    assert exact.clock_error_ppm == 0
    sampled = lamps.find_reference(on_samples(bench_at_work(), 1_000_000))
    assert sampled is not None
    assert sampled.clock_error_ppm == pytest.approx(100)
    fast = stretched(bench_at_work(), 1.002)
    found = lamps.find_reference(fast)
    assert found is not None
    assert found.clock_error_ppm == pytest.approx(2_000, rel=0.01)
    assert lamps.find_reference(bench_at_work().window(70 * MS, 400 * MS)) is None


def stretched(capture: Capture, factor: float) -> Capture:
    edges = {line: (t * factor).astype(np.int64) for line, t in capture.edges.items()}
    return replace(capture, edges=edges, end_ns=int(capture.end_ns * factor) + 1)


def swapped(capture: Capture, one: str, other: str) -> Capture:
    place = {one: other, other: one}
    edges = {line: capture.edges[place.get(line, line)] for line in capture.lines}
    initial = {line: capture.initial[place.get(line, line)] for line in capture.lines}
    return replace(capture, edges=edges, initial=initial)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("LED_RED", "LED_GREEN", "lamp test is on LED_GREEN, LED_YELLOW, LED_RED"),
        ("LED_RED", "ACK", "lamp test is on ACK, LED_YELLOW, LED_GREEN"),
        ("HALT", "PICO_TX", "PICO_TX's messages are on HALT"),
        ("HALT", "ACK", "contradicts .* STATUS"),
        ("SWITCH_A", "HALT", "contradicts .* STATUS"),
    ],
)
def test_swapped_channels_are_refused(one, other, why):
    with pytest.raises(CaptureError, match=why):
        analyse(swapped(bench_at_work(), one, other))


def test_the_right_channels_are_not_refused():
    capture = bench_at_work()
    channels.check_levels(capture, read_messages(uart.decode(capture)))
    assert analyse(capture)["verdict"] == "pass"


def test_pulses_below_two_samples_are_rejected_and_counted():
    capture = bench_at_work()
    spikes = np.array([150 * MS + 10, 150 * MS + 1_010, 160 * MS, 160 * MS + 2_000])
    halt = np.sort(np.concatenate((capture.edges["HALT"], spikes)))
    noisy = on_samples(replace(capture, edges={**capture.edges, "HALT": halt}), 1_000_000)
    clean, rejected = pulses.reject_short(noisy)
    assert rejected["HALT"] == 1
    assert sum(rejected.values()) == 1
    assert clean.edges["HALT"].size == halt.size - 2
    assert pulses.reject_short(replace(noisy, rate_hz=None))[1]["HALT"] == 0


def test_bounce_of_a_contact():
    capture = bench_at_work(2)
    told = pulses.bounce(capture, "SWITCH_A")
    assert told == {
        "moves": 4,
        "glitches": 0,
        "most_edges": 3,
        "longest_us": 90.0,
        "shortest_pulse_us": 40.0,
    }
    glitch = np.sort(np.append(capture.edges["SWITCH_A"], [30 * MS, 30 * MS + 7_000]))
    told = pulses.bounce(replace(capture, edges={**capture.edges, "SWITCH_A": glitch}), "SWITCH_A")
    assert (told["moves"], told["glitches"], told["shortest_pulse_us"]) == (4, 1, 7.0)


def test_stages_of_each_press():
    found = analyse(bench_at_work(3))
    assert [press["at_us"] for press in found["presses"]] == [100_000.0, 200_000.0, 300_000.0]
    first = found["presses"][0]
    assert first["switch_to_halt_us"] == 2.0
    assert first["halt_to_ack_us"] == 298.0
    assert first["switch_to_ack_us"] == 300.0
    assert first["contacts_us"] == {"SWITCH_A": 0.0, "SWITCH_B": 150.0}
    assert found["halts_without_press"] == []
    assert found["serial"]["messages"] == {"STATUS": 69, "TRIP": 3}


def test_no_press_and_a_slow_press_never_pass():
    nothing = analyse(bench_at_work().window(0, 99 * MS))
    assert (nothing["verdict"], nothing["reasons"][0]) == (
        "fail",
        "no press in it: nothing was measured",
    )
    assert analyse(bench_at_work(), limit_us=300)["verdict"] == "pass"
    slow = analyse(bench_at_work(), limit_us=299)
    assert slow["verdict"] == "fail"
    assert "press 1 took 300.0 us, limit 299 us" in slow["reasons"]
    cut = analyse(bench_at_work().window(0, 100 * MS + 100_000))
    assert "press 1: HALT or ACK never came" in cut["reasons"]


def test_a_sample_rate_that_does_not_resolve_the_limit_is_refused():
    capture = bench_at_work()
    assert analyse(on_samples(capture, 50_000))["verdict"] == "pass"
    with pytest.raises(
        CaptureError, match="49999 samples .* do not resolve 1/50 of 1000 us: 50000"
    ):
        analyse(on_samples(capture, 49_999))


def test_lines_that_are_missing_are_named():
    capture = bench_at_work()
    lines = LINES[:3]
    part = replace(
        capture,
        lines=lines,
        initial={line: capture.initial[line] for line in lines},
        edges={line: capture.edges[line] for line in lines},
    )
    with pytest.raises(CaptureError, match="no channel for ACK"):
        analyse(part)


def record(kind: str, at_ns: int, **data) -> bytes:
    return msgspec.json.encode({"mono_ns": at_ns, "kind": kind, "data": data}) + b"\n"


@pytest.fixture
def log(tmp_path):
    """The records that a guard makes of `bench_at_work(3)`."""
    lines = [
        record("controller_trip", at + 800_000, at_us=at // 1000, reason="SWITCH_A", n=at)
        for at in (100 * MS, 200 * MS, 300 * MS)
    ]
    other = record("order", 5, id="x")
    (tmp_path / "audit-000001.jsonl").write_bytes(other + b"".join(lines))
    return tmp_path


def change(log, old: bytes, new: bytes) -> None:
    file = log / "audit-000001.jsonl"
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new, 1))


def test_a_log_that_tells_the_same(log):
    found = analyse(bench_at_work(3), audit_dir=log)
    assert found["verdict"] == "pass"
    assert found["audit"]["matched"] == 3
    assert found["audit"]["spread_us"] == 0


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"at_us":200000', b'"at_us":200001', "differ in 2 messages"),
        (b"SWITCH_A", b"SWITCH_B", "differ in 2 messages"),
        (b'"kind":"controller_trip"', b'"kind":"lost"', "differ in 1 messages"),
        (b'"mono_ns":100800000', b'"mono_ns":900800000', "lie 800.0 ms apart"),
    ],
)
def test_a_log_that_tells_something_else_fails(log, old, new, why):
    change(log, old, new)
    found = analyse(bench_at_work(3), audit_dir=log)
    assert found["verdict"] == "fail"
    assert why in found["reasons"][0]


def test_a_log_cannot_be_compared_with_a_capture_without_messages(log):
    found = analyse(on_samples(bench_at_work(3), 1_000_000), audit_dir=log)
    assert "could not be compared" in found["reasons"][0]
    assert found["serial"]["decoded"] is False


def test_a_log_that_cannot_be_read_is_refused(log, tmp_path):
    traffic = read_messages(uart.decode(bench_at_work(1)))
    with pytest.raises(CaptureError, match="no audit log"):
        audit.compare(traffic, tmp_path / "absent")
    change(log, b'"kind":"order"', b'"kind":"ord')
    with pytest.raises(CaptureError, match="audit-000001.jsonl: line 1 is no record"):
        audit.compare(traffic, log)


def test_a_torn_last_line_is_no_complaint(log):
    file = log / "audit-000001.jsonl"
    file.write_bytes(file.read_bytes() + b'{"kind":"contr')
    assert analyse(bench_at_work(3), audit_dir=log)["audit"]["agrees"]


def test_the_same_analysis_in_all_formats(tmp_path):
    capture = on_samples(bench_at_work(3), 12_000_000)
    found = []
    for form in ("sr", "vcd", "saleae", "sigrok-csv"):
        write_capture(capture, tmp_path / "x", form)
        rate = 12_000_000 if form == "saleae" else None
        found.append(
            analyse(
                read_capture(
                    tmp_path / "x", bench=None if rate is None else "virtual", rate_hz=rate
                )
            )
        )
    assert all(one == found[0] for one in found)
    assert found[0]["serial"]["messages"] == {"STATUS": 69, "TRIP": 3}
