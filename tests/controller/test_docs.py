"""The pages are what the tables say, and the worked bytes mean what stands above them."""

import re
from pathlib import Path

import pytest

from controller import frames, mac, protocol
from tools import docs

BLOCK = re.compile(r"^(\w+) of the (\w+): (.*?)(?: \(.*\))?\n\n```\n(.*?)\n```", re.M | re.S)


def test_the_pages_are_up_to_date(capsys: pytest.CaptureFixture) -> None:
    assert docs.main(["--check"]) == 0, capsys.readouterr().out


def test_a_page_that_differs_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert docs.main([], folder=tmp_path) == 0
    assert docs.main(["--check"], folder=tmp_path) == 0
    capsys.readouterr()
    (tmp_path / "times.md").write_text("20 ms")
    assert docs.main(["--check"], folder=tmp_path) == 1
    assert "docs/times.md is not what the tables say" in capsys.readouterr().out


def test_the_worked_bytes_are_what_both_ends_speak() -> None:
    found = BLOCK.findall((docs.FOLDER / "protocol.md").read_text())
    assert [name for name, *_ in found] == ["TRIP", "MODE", "WITNESS", "RECEIPT"]
    for name, sender, told, block in found:
        parts = dict(line.split() for line in block.splitlines())
        frame = bytes.fromhex(parts.pop("frame"))
        body = bytes.fromhex("".join(parts.values()))
        assert frames.FrameReader().feed(frame) == [body]
        other = protocol.HOST if sender == protocol.CONTROLLER else protocol.CONTROLLER
        code, decoded, values, _ = frames.Channel(other, mac.Mac(docs.EXAMPLE_KEY)).decode(body)
        assert (code, decoded) == (frames.OK, name)
        fields = protocol.BY_NAME[name][protocol.FIELDS]
        said = [
            f"{k} {v.hex() if isinstance(v, bytes) else v}"
            for k, v in zip(fields, values, strict=True)
        ]
        assert ", ".join(said) == told


def test_the_erratum_of_gp15_is_on_the_wiring_page() -> None:
    text = (docs.FOLDER / "wiring.md").read_text()
    assert "RP2040-E5" in text
    assert "| HALT | GP15 out | BCM 17 in-down | D2 |" in text
