"""The sigrok driver: the demo device of the real sigrok-cli, and programs that misbehave."""

import itertools
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig.analysers import (
    Analyser,
    AnalyserAbsent,
    AnalyserError,
    CaptureFailed,
    DeviceGone,
    Overrun,
    ShortCapture,
    Trigger,
    TriggerNeverCame,
    WrongChannels,
    open_analyser,
)
from rig.capture import LINES, read_sr
from rig.parts import OptionError
from tests.rig.analysers.kits import DEMO, script

pytestmark = pytest.mark.skipif(
    shutil.which("sigrok-cli") is None, reason="no sigrok-cli: apt-get install sigrok-cli"
)

# The patterns of the demo device's logic channels can be chosen at the rate that it starts with.
GROUP = {"channel_group": "Logic", "sample_rate_hz": 200_000}


def captured(duration_s: float, **options: Any) -> Any:
    analyser = open_analyser("sigrok", {**DEMO, **options})
    try:
        analyser.arm(None, duration_s)
        return analyser.wait(20.0)
    finally:
        analyser.close()


def armed_and_waited(analyser: Analyser, duration_s: float) -> None:
    analyser.arm(None, duration_s)
    analyser.wait(10)


def pattern(name: str) -> dict[str, Any]:
    return {**GROUP, "config": {"pattern": name}}


@pytest.mark.parametrize("channels", [8, 16])
def test_the_gray_code_of_the_demo_device_is_read_edge_by_edge(channels: int) -> None:
    """Also of a device with more channels than are wired."""
    scan = {"logic_channels": str(channels), "analog_channels": "0"}
    capture = captured(0.01, scan=scan, **pattern("graycode"))
    number = np.arange(1, 2002) % (1 << channels)
    code = number ^ (number >> 1)
    for bit, line in enumerate(LINES):
        levels = (code >> bit) & 1
        at = np.flatnonzero(np.diff(levels)) + 1
        assert capture.initial[line] == levels[0]
        assert np.array_equal(capture.edges[line] - capture.start_ns, at * 5_000), line
    assert capture.end_ns - capture.start_ns == 2000 * 5_000


@pytest.mark.parametrize(("name", "level"), [("all-low", 0), ("all-high", 1)])
def test_lines_that_never_move_have_a_level_and_no_edge(name: str, level: int) -> None:
    capture = captured(0.01, **pattern(name))
    assert set(capture.initial.values()) == {level}
    assert sum(len(edges) for edges in capture.edges.values()) == 0


def test_it_reads_what_sigroks_own_session_file_holds(tmp_path: Path) -> None:
    """Two ways to one result: raw samples here, sigrok's .sr and its reader there."""
    file = tmp_path / "demo.sr"
    device = "demo:logic_channels=8:analog_channels=0"
    command = ["sigrok-cli", "-d", device, "-c", "samplerate=1000000", "--samples", "20001"]
    subprocess.run([*command, "-o", str(file)], check=True, timeout=30)
    ours = captured(0.02)
    theirs = read_sr(file, bench="sigrok", start_ns=ours.start_ns)
    assert ours == theirs


def test_channels_are_taken_in_the_order_of_the_wiring_table() -> None:
    swapped = captured(0.01, channels=["D1", "D0", *(f"D{number}" for number in range(2, 8))])
    plain = captured(0.01)
    assert np.array_equal(
        swapped.edges["SWITCH_A"] - swapped.start_ns, plain.edges["SWITCH_B"] - plain.start_ns
    )


def test_the_first_sample_is_stamped_in_the_clock_of_the_rig() -> None:
    before_ns = time.monotonic_ns()
    capture = captured(0.2)
    assert before_ns < capture.start_ns < capture.end_ns < time.monotonic_ns()


def test_demo_captures_with_a_trigger_in_them_are_really_short() -> None:
    """sigrok 0.5.2's demo device sends one packet after a trigger, and sigrok-cli exits with 0."""
    analyser = open_analyser("sigrok", DEMO)
    analyser.arm(Trigger("HALT", "falling"), 0.5)
    with pytest.raises(ShortCapture, match=r"sigrok: \d+ of 500001 samples"):
        analyser.wait(20.0)


def test_a_trigger_that_sigrok_gives_up_on_with_exit_code_0_never_came() -> None:
    analyser = open_analyser("sigrok", {**DEMO, **pattern("all-low")})
    analyser.arm(Trigger("HALT", "rising"), 0.01)
    with pytest.raises(TriggerNeverCame, match="HALT rising"):
        analyser.wait(20.0)


def test_a_time_out_in_mid_capture_tells_how_far_it_came() -> None:
    analyser = open_analyser("sigrok", DEMO)
    analyser.arm(None, 30.0)
    with pytest.raises(ShortCapture, match=r"\d+ of 30000001 samples within 0.3 s"):
        analyser.wait(0.3)


def test_continuous_capture_keeps_up_with_a_million_samples_a_second() -> None:
    analyser = open_analyser("sigrok", DEMO)
    analyser.arm(None, None)
    time.sleep(1.0)
    capture = analyser.stop()
    span_s = (capture.end_ns - capture.start_ns) / 1e9
    print(f"{span_s:.3f} s of samples in a continuous capture of 1 s", file=sys.stderr)
    assert span_s > 0.5


@pytest.mark.parametrize(
    ("options", "kind", "named"),
    [
        ({"driver": "nosuch"}, AnalyserAbsent, "nosuch"),
        ({"driver": "fx2lafw", "scan": {}}, AnalyserAbsent, "fx2lafw: no device"),
        ({"conn": "1.99"}, AnalyserAbsent, "conn=1.99"),
        ({"program": "no-such-sigrok"}, AnalyserAbsent, "install"),
        ({"scan": {"logic_channels": "4"}}, WrongChannels, "no channel D4"),
        ({"channels": [f"X{n}" for n in range(8)]}, WrongChannels, "no channel X0"),
        ({"channels": ["D0", "D1"]}, OptionError, "8 different names"),
        ({"channels": ["D0"] * 8}, OptionError, "8 different names"),
        ({"channel_group": "Logic"}, OptionError, "takes 200000 Hz"),
        ({"sample_rate_hz": 0}, OptionError, "sample_rate_hz"),
        ({"sample_rate_hz": 2_000_000_000}, OptionError, "sample_rate_hz"),
        ({"sample_rate_hz": "1 MHz"}, OptionError, "sample_rate_hz"),
        ({"pretrigger_percent": 100}, OptionError, "pretrigger_percent"),
        ({"conn": 5}, OptionError, "conn"),
        ({"rate": 5}, OptionError, "no option 'rate'"),
        ({"driver": "demo; rm"}, OptionError, "driver"),
    ],
)
def test_bad_options_are_one_line_that_names_them(
    options: dict[str, Any], kind: type[Exception], named: str
) -> None:
    with pytest.raises(kind, match=named) as raised:
        open_analyser("sigrok", {**DEMO, **options})
    assert "\n" not in str(raised.value)


def test_an_option_that_the_device_does_not_have_is_named_when_arming() -> None:
    analyser = open_analyser("sigrok", {**DEMO, "config": {"nonsense": "1"}})
    with pytest.raises(OptionError, match="nonsense"):
        analyser.arm(None, 0.01)


def test_a_rate_that_does_not_resolve_the_limit_is_refused() -> None:
    with pytest.raises(OptionError, match="at least 50000 Hz"):
        open_analyser("sigrok", {**DEMO, "sample_rate_hz": 49_999}, limit_us=1000)
    open_analyser("sigrok", {**DEMO, "sample_rate_hz": 50_000}, limit_us=1000).close()


# A program in sigrok-cli's place. It answers what opening asks, then `{}` is its capture to "$out".
IMPOSTOR = r"""
case "$*" in
*--scan*) echo "demo - Demo with 8 channels: D0 D1 D2 D3 D4 D5 D6 D7"; exit 0;;
*--get*) echo 1000000; exit 0;;
esac
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
log() {{ echo "cli: Received SR_DF_$1." >&2; }}
data() {{ head -c $1 /dev/zero >> $out; echo "cli: Received SR_DF_LOGIC ($1 bytes, unitsize = 1)." >&2; }}
{}
"""


@pytest.mark.parametrize(
    ("capture", "kind", "named"),
    [
        ("log HEADER; data 1001; log END; exit 0", None, ""),
        ("log HEADER; data 1000; log END; exit 0", ShortCapture, "1000 of 1001 samples"),
        ("log HEADER; data 1001; log END; exit 1", DeviceGone, "exit code 1"),
        ("log HEADER; data 1001; exit 0", DeviceGone, "without saying"),
        ("log HEADER; data 500; kill -9 $$", DeviceGone, "signal 9"),
        (
            "log HEADER; data 1001; echo 'sr: fx2lafw: buffer overrun' >&2; log END",
            Overrun,
            "buffer overrun",
        ),
        ("log HEADER; data 1001; : > $out; log END", ShortCapture, "0 bytes on the disk"),
        ("log HEADER; data 1001; rm $out; log END", ShortCapture, "0 bytes on the disk"),
        (
            "log HEADER; data 1001; echo 'Device only sent 990 samples.' >&2; log END",
            ShortCapture,
            "990 of 1001",
        ),
        ("echo 'sr: usb: no permission' >&2; exit 1", AnalyserError, "no permission"),
        ("log HEADER; log END; exit 0", ShortCapture, "0 of 1001"),
    ],
)
def test_what_the_program_does_wrong_is_found(
    tmp_path: Path, capture: str, kind: type[Exception] | None, named: str
) -> None:
    program = script(tmp_path, IMPOSTOR.format(capture))
    analyser = open_analyser("sigrok", {**DEMO, "program": program})
    if kind is None:
        analyser.arm(None, 0.001)
        assert analyser.wait(10).end_ns
        return
    with pytest.raises(kind, match=named) as raised:
        armed_and_waited(analyser, 0.001)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.glob("bot4-sigrok-*"))


def test_a_continuous_capture_with_a_gap_in_it_is_an_overrun(tmp_path: Path) -> None:
    capture = "log HEADER; data 1000; sleep 1; data 1000; read key; log END"
    program = script(tmp_path, IMPOSTOR.format(capture))
    analyser = open_analyser("sigrok", {**DEMO, "program": program})
    analyser.arm(None, None)
    time.sleep(1.3)
    with pytest.raises(Overrun, match="are missing"):
        analyser.stop()


def test_nothing_is_left_running(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = script(tmp_path, f'echo $$ > {pid}\nexec sigrok-cli "$@"')
    analyser = open_analyser("sigrok", {**DEMO, "program": program})
    for ended in itertools.islice(("close", "wait", "stop"), 3):
        analyser.arm(None, 60.0)
        running = Path("/proc") / pid.read_text().strip()
        assert running.exists()
        if ended == "close":
            analyser.close()
        else:
            with pytest.raises(CaptureFailed):
                analyser.wait(0.1) if ended == "wait" else analyser.stop()
        assert not running.exists(), ended
