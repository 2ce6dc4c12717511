"""The saleae driver against a server with Logic 2's published interface."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("saleae.automation", reason="no logic2-automation: bot4[saleae]")

from rig.analysers import (
    Analyser,
    AnalyserAbsent,
    CaptureFailed,
    DeviceGone,
    Overrun,
    Trigger,
    WrongChannels,
    open_analyser,
)
from rig.analysers.saleae_csv import read_digital_csv
from rig.parts import OptionError
from tests.rig.analysers.logic2 import Logic2

RATE_HZ = 10_000_000


@pytest.fixture
def logic2() -> Iterator[Logic2]:
    server = Logic2()
    yield server
    server.close()


@pytest.fixture
def codes() -> dict[str, int]:
    from saleae.grpc import saleae_pb2

    return dict(saleae_pb2.ErrorCode.items())


def opened(logic2: Logic2, **options: Any) -> Any:
    given = {"sample_rate_hz": RATE_HZ, "port": logic2.port, "connect_s": 1.0, **options}
    return open_analyser("saleae", given)


def armed_and_waited(analyser: Analyser) -> None:
    analyser.arm(None, 0.01)
    analyser.wait(10)


def test_edges_are_exact_and_counted_from_the_start(logic2: Logic2) -> None:
    analyser = opened(logic2)
    analyser.arm(Trigger("HALT", "falling"), 0.01)
    capture = analyser.wait(10)
    assert (capture.edges["HALT"] - capture.start_ns).tolist() == [1_000_000, 3_000_000]
    assert capture.end_ns - capture.start_ns == 11_000_000
    assert capture.initial["HALT"] == 1
    analyser.close()


def test_it_asks_for_what_was_configured_and_leaves_no_capture_open(logic2: Logic2) -> None:
    channels = [1, 0, 2, 3, 4, 5, 6, 7]
    analyser = opened(logic2, channels=channels, threshold_volts=3.3, buffer_megabytes=64)
    analyser.arm(Trigger("SWITCH_A", "rising"), 0.5)
    [asked] = logic2.started
    device = asked.logic_device_configuration
    assert asked.device_id == "F4241"
    assert list(device.logic_channels.digital_channels) == channels
    assert device.digital_sample_rate == RATE_HZ
    assert device.digital_threshold_volts == 3.3
    assert asked.capture_configuration.buffer_size_megabytes == 64
    mode = asked.capture_configuration.digital_capture_mode
    assert (mode.trigger_channel_index, mode.after_trigger_seconds) == (1, 0.5)
    analyser.close()
    assert not logic2.open_captures


def test_it_says_which_device_and_which_versions(logic2: Logic2) -> None:
    analyser = opened(logic2)
    described = analyser.describe()
    assert described["serial number"] == "F4241"
    assert described["device"] == "LOGIC_PRO_8"
    assert described["Logic 2"] == "2.4.22"
    analyser.close()


@pytest.mark.parametrize(
    ("method", "code", "kind"),
    [
        ("StartCapture", "ERROR_CODE_MISSING_DEVICE", AnalyserAbsent),
        ("StartCapture", "ERROR_CODE_INVALID_REQUEST", OptionError),
        ("StartCapture", "ERROR_CODE_DEVICE_ERROR", DeviceGone),
        ("WaitCapture", "ERROR_CODE_OUT_OF_MEMORY", Overrun),
        ("WaitCapture", "ERROR_CODE_DEVICE_ERROR", DeviceGone),
        ("WaitCapture", "ERROR_CODE_INTERNAL_EXCEPTION", CaptureFailed),
        ("ExportRawDataCsv", "ERROR_CODE_EXPORT_FAILED", CaptureFailed),
    ],
)
def test_each_error_of_logic_2_is_one_of_ours(
    logic2: Logic2, codes: dict[str, int], method: str, code: str, kind: type[Exception]
) -> None:
    logic2.fails[method] = (codes[code], "these very words")
    analyser = opened(logic2)
    with pytest.raises(kind, match="these very words") as raised:
        armed_and_waited(analyser)
    assert "\n" not in str(raised.value)
    assert not logic2.open_captures
    analyser.close()


def test_a_program_that_ends_in_mid_capture_gives_no_capture(logic2: Logic2) -> None:
    analyser = opened(logic2)
    analyser.arm(None, 20.0)
    logic2.close()
    began = time.monotonic()
    with pytest.raises(DeviceGone, match="Logic 2 is gone"):
        analyser.wait(30)
    assert time.monotonic() - began < 20
    analyser.close()


def test_a_program_that_does_not_answer_is_not_waited_for(
    logic2: Logic2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.analysers.saleae_api.CALL_S", 2.0)
    analyser = opened(logic2)
    logic2.mute.add("StartCapture")
    with pytest.raises(DeviceGone, match="the start"):
        analyser.arm(None, 0.01)
    analyser.close()
    logic2.mute.add("GetAppInfo")
    with pytest.raises(AnalyserAbsent, match="no Logic 2 answers"):
        opened(logic2)


def test_another_version_of_the_interface_is_refused(logic2: Logic2) -> None:
    logic2.version += 1
    with pytest.raises(AnalyserAbsent, match="another version"):
        opened(logic2)


def test_no_program_and_no_device_say_so(logic2: Logic2) -> None:
    with pytest.raises(AnalyserAbsent, match="no device 'X1' .found: F4241"):
        opened(logic2, device_id="X1")
    logic2.devices = []
    with pytest.raises(AnalyserAbsent, match="found: none"):
        opened(logic2)
    logic2.devices = ["A", "B"]
    with pytest.raises(AnalyserAbsent, match="found: A, B"):
        opened(logic2)
    with pytest.raises(AnalyserAbsent, match="--automation"):
        opened(logic2, port=1)


@pytest.mark.parametrize(
    ("change", "kind", "named"),
    [
        (lambda text: "", CaptureFailed, "empty"),
        (lambda text: text[:-4], CaptureFailed, "breaks off"),
        (lambda text: text.replace("Channel 7", "Channel 9"), WrongChannels, "Channel 9"),
        (lambda text: text.replace(",Channel 7", ""), WrongChannels, "not Channel 0"),
        (lambda text: text.replace("0.001", "0.000"), CaptureFailed, "row 3: goes back"),
        (lambda text: text.replace("0.001", "x"), CaptureFailed, "row 3"),
        (lambda text: text.replace("0.003000000,0,", "0.003000000,2,"), CaptureFailed, "row 4"),
        (lambda text: text.partition("\n")[0] + "\n", CaptureFailed, "no row"),
        (
            lambda text: "\n".join(text.split("\n")[:2]) + "\n",
            CaptureFailed,
            "HALT falling is not in the capture",
        ),
    ],
)
def test_an_export_that_cannot_be_trusted_is_no_capture(
    logic2: Logic2, change: Any, kind: type[Exception], named: str
) -> None:
    logic2.export = change
    analyser = opened(logic2)
    analyser.arm(Trigger("HALT", "falling"), 0.01)
    with pytest.raises(kind, match=named) as raised:
        analyser.wait(10)
    assert "\n" not in str(raised.value)
    analyser.close()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["0", "1.5"], [0, 1_500_000_000]),
        (["-0.000000010", "0.000000000"], [0, 10]),
        (["0.0000000004", "0.0000000015"], [0, 2]),
        (["3600.123456789", "3600.123456790"], [0, 1]),
    ],
)
def test_times_are_read_to_the_nanosecond(
    tmp_path: Path, times: list[str], expected: list[int]
) -> None:
    file = tmp_path / "digital.csv"
    rows = "".join(f"{at},{place % 2}\n" for place, at in enumerate(times))
    file.write_text("Time [s],Channel 3\n" + rows)
    assert [at for at, _levels in read_digital_csv(file, [3])] == expected


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"port": 0}, "port"),
        ({"port": 70_000}, "port"),
        ({"channels": [0, 1]}, "8 different ones"),
        ({"channels": [0] * 8}, "8 different ones"),
        ({"channels": [16, 1, 2, 3, 4, 5, 6, 7]}, "channels"),
        ({"sample_rate_hz": 1.5}, "sample_rate_hz"),
        ({"serial": "x"}, "no option 'serial'"),
    ],
)
def test_bad_options_are_named(logic2: Logic2, options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        opened(logic2, **options)
