"""The picture in the docs is the one that the command draws, and it shows every wire."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from controller import wiring
from rig.wiring.picture import picture
from rig.wiring.rows import PI_HEADER, PICO_HEADER, told, wires

DOCS = Path(__file__).resolve().parents[2] / "docs"


def bot4(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bot4", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_picture_of_the_command_is_the_one_of_the_docs(tmp_path: Path) -> None:
    file = tmp_path / "wiring.svg"
    assert bot4("bench", "wiring", "--svg", str(file)).returncode == 0
    assert file.read_bytes() == (DOCS / "wiring.svg").read_bytes()


def test_every_pin_and_channel_is_on_the_picture() -> None:
    root = ElementTree.fromstring(picture(wires()))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for name, pico, _side, bcm, _pi_side, channel, *_rest in wiring.LINES:
        assert texts.count(f"GP{pico}") == 1
        if bcm is not None:
            assert texts.count(f"BCM {bcm}") == 1
            assert name in texts
        if channel != "-":
            assert texts.count(channel) == 1


def test_other_channels_are_on_the_picture() -> None:
    drawn = picture(wires({"HALT": "CH9"}))
    assert ">CH9<" in drawn
    assert ">D2<" not in drawn


@pytest.mark.parametrize("header", [PICO_HEADER, PI_HEADER])
def test_no_two_gpios_share_a_place_on_a_header(header: dict[int, int]) -> None:
    assert len(set(header.values())) == len(header)
    assert all(1 <= place <= 40 for place in header.values())


def test_the_list_fits_80_columns() -> None:
    lines = told(wires()).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(re.match(r"[A-Z_]+ +GP", line) is not None for line in lines) == len(wiring.LINES)


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    done = bot4("bench", "wiring", "--svg", str(tmp_path / "none" / "w.svg"))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
