"""A test that asks for `header` needs the kernel's gpio-sim: `make test-gpio` provides it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero import Device

from host.guard.lines import open_factory
from host.pins.gpiod_factory import GpiodFactory
from tests.gpio.simulated import ACK, GREEN, HALT, RED, YELLOW, Header, SpareChip


@pytest.fixture
def header() -> Header:
    """The simulated header, all its lines low."""
    sysfs = os.environ.get("VM_GPIO_SYSFS")
    if sysfs is None:
        why = os.environ.get("BOT4_NO_VM", "`make test-gpio` runs this in a virtual machine")
        if os.environ.get("BOT4_REQUIRE_VM"):
            pytest.fail(f"no gpio-sim: {why}")
        pytest.skip(f"no gpio-sim: {why}")
    header = Header(Path(sysfs))
    for number in (HALT, ACK, RED, YELLOW, GREEN):
        header.pull(number, 0)
    return header


@pytest.fixture
def factory(header: Header) -> Iterator[GpiodFactory]:
    """The factory `bot4gpiod`, found by its name as the guard finds it."""
    factory = open_factory("bot4gpiod")
    yield factory
    factory.close()
    Device.pin_factory = None


@pytest.fixture
def spare(header: Header) -> Iterator[SpareChip]:
    """A further chip with the same lines; no header by its label."""
    chip = SpareChip()
    yield chip
    chip.remove()
