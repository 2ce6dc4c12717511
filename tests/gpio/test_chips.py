"""Looking for the header's chip and for a line of it, on made-up machines."""

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gpiod
import pytest

from host.pins import chips
from host.pins.chips import CONSUMER, PinsError, find_chip, request


@dataclass
class FakeChip:
    """A chip with line names; `busy` maps a name to who holds it and for how many more requests."""

    path: str
    label: str
    lines: tuple[str, ...] = ("GPIO0", "GPIO17")
    busy: dict[str, list[str]] = field(default_factory=dict)
    closed: bool = False

    def get_info(self) -> Any:
        return SimpleNamespace(label=self.label)

    def line_offset_from_id(self, name: str) -> int:
        if name not in self.lines:
            raise OSError(errno.ENOENT, "No such file or directory")
        return self.lines.index(name)

    def get_line_info(self, offset: int) -> Any:
        holders = self.busy.get(self.lines[offset])
        return SimpleNamespace(consumer=holders[0] if holders else "")

    def request_lines(self, config: dict, consumer: str, event_buffer_size: int) -> Any:
        (offset,) = config
        holders = self.busy.get(self.lines[offset], [])
        if holders:
            if len(holders) > 1:
                holders.pop(0)
            elif holders[0] == "leaving":
                holders.clear()
            raise OSError(errno.EBUSY, "Device or resource busy")
        return SimpleNamespace(offset=offset, consumer=consumer, size=event_buffer_size)

    def close(self) -> None:
        self.closed = True


class Machine:
    """A /dev with chips in it; a label that is a number is the errno of opening the chip."""

    def __init__(self, folder: Path, **labels: str | int) -> None:
        self.folder = folder
        self.chips: dict[str, FakeChip] = {}
        self._labels = labels
        for name in labels:
            (folder / name).touch()

    def open(self, path: str) -> Any:
        label = self._labels[Path(path).name]
        if isinstance(label, int):
            raise OSError(label, os.strerror(label))
        return self.chips.setdefault(path, FakeChip(path, label))

    def find(self) -> Any:
        return find_chip(self.folder, self.open)


@pytest.mark.parametrize("label", chips.HEADERS)
def test_the_header_is_found_by_its_label_wherever_it_is_numbered(
    tmp_path: Path, label: str
) -> None:
    machine = Machine(tmp_path, gpiochip0="raspberrypi-exp-gpio", gpiochip7=label)
    assert machine.find().path == str(tmp_path / "gpiochip7")
    assert machine.chips[str(tmp_path / "gpiochip0")].closed


def test_a_link_to_the_header_is_not_a_second_header(tmp_path: Path) -> None:
    machine = Machine(tmp_path, gpiochip0="pinctrl-rp1")
    (tmp_path / "gpiochip4").symlink_to(tmp_path / "gpiochip0")
    assert machine.find().path == str(tmp_path / "gpiochip0")


def test_an_unreadable_chip_beside_the_header_does_not_matter(tmp_path: Path) -> None:
    machine = Machine(tmp_path, gpiochip0=errno.EACCES, gpiochip1="pinctrl-bcm2711")
    assert machine.find().path == str(tmp_path / "gpiochip1")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({}, ["no ", "gpiochip*", "no GPIO character device"]),
        ({"gpiochip0": "gpio-ich"}, ["pinctrl-rp1", "pinctrl-bcm2711", "found: gpio-ich"]),
        ({"gpiochip0": errno.EACCES}, ["gpiochip0: Permission denied", "group gpio"]),
        ({"gpiochip0": "pinctrl-rp1", "gpiochip1": "pinctrl-rp1"}, ["2 GPIO chips"]),
    ],
)
def test_no_header_is_one_line_that_says_why(
    tmp_path: Path, labels: dict[str, Any], words: list[str]
) -> None:
    machine = Machine(tmp_path, **labels)
    with pytest.raises(PinsError) as raised:
        machine.find()
    assert "\n" not in str(raised.value)
    for word in words:
        assert word in str(raised.value)
    assert all(chip.closed for chip in machine.chips.values())


def ask(chip: FakeChip, number: int = 17, patience_s: float = 0.0) -> Any:
    """Request GPIO<number> of a made-up chip."""
    return request(chip, number, gpiod.LineSettings(), patience_s)  # type: ignore[arg-type]


def test_a_line_is_requested_by_name_under_our_own_name() -> None:
    got = ask(FakeChip("/dev/gpiochip0", "pinctrl-rp1", lines=("ID_SDA", "GPIO4", "GPIO17")))
    assert (got.offset, got.consumer, got.size) == (2, CONSUMER, chips.EVENT_BUFFER)


def test_a_line_that_is_not_there_is_named() -> None:
    with pytest.raises(PinsError, match="^/dev/gpiochip0 has no line called GPIO18$"):
        ask(FakeChip("/dev/gpiochip0", "pinctrl-rp1"), number=18)


def test_a_busy_line_names_who_holds_it() -> None:
    chip = FakeChip("/dev/gpiochip0", "pinctrl-rp1", busy={"GPIO17": ["w1-gpio"]})
    with pytest.raises(PinsError, match="^GPIO17 of /dev/gpiochip0 is in use by 'w1-gpio'$"):
        ask(chip, patience_s=60.0)


def test_a_line_that_an_ending_host_still_holds_is_waited_for() -> None:
    chip = FakeChip("/dev/gpiochip0", "pinctrl-rp1", busy={"GPIO17": [CONSUMER, CONSUMER, ""]})
    chip.busy["GPIO17"][-1] = "leaving"
    chip.get_line_info = lambda _offset: SimpleNamespace(consumer=CONSUMER)  # type: ignore[method-assign]
    assert ask(chip, patience_s=60.0).offset == 1


def test_the_wait_for_our_own_name_ends() -> None:
    chip = FakeChip("/dev/gpiochip0", "pinctrl-rp1", busy={"GPIO17": [CONSUMER]})
    with pytest.raises(PinsError, match="in use by 'bot4'"):
        ask(chip, patience_s=0.05)


@pytest.mark.parametrize("error", [OSError(errno.EPERM, "no"), ValueError(errno.EINVAL, "no")])
def test_any_other_refusal_is_one_line_too(error: Exception) -> None:
    class Refusing(FakeChip):
        def request_lines(self, config: dict, consumer: str, event_buffer_size: int) -> Any:
            raise error

    with pytest.raises(PinsError, match="^GPIO17 of /dev/gpiochip0: no$"):
        ask(Refusing("/dev/gpiochip0", "pinctrl-rp1"))
