"""Finds the chip that carries the header, by its label, and requests lines of it, by their name."""

import errno
import time
from collections.abc import Callable
from pathlib import Path

import gpiod

# Label of the chip behind the 40-pin header. The number in /dev/gpiochipN is no name: on the Pi 5
# it moved from 4 to 0 with kernel 6.6.45 (raspberrypi/linux PR 6144).
HEADERS = {
    "pinctrl-rp1": "Raspberry Pi 5, 500, Compute Module 5",
    "pinctrl-bcm2711": "Raspberry Pi 4, 400, Compute Module 4",
    "pinctrl-bcm2835": "Raspberry Pi 1, 2, 3, Zero",
}
DEVICES = Path("/dev")
# Holder of our lines, as `gpioinfo` and the error of whoever comes second show it.
CONSUMER = "bot4"
# Edges that the kernel keeps for one line; also its own default. HALT is latched by the controller
# and moves twice for a press, and the guard empties the buffer every 5 ms. More than this is noise,
# which should be found as lost edges soon and not be worked off later: one pass takes at most so many.
EVENT_BUFFER = 16
# s. A guard that was killed leaves its HALT request open in the engine until that has ended too.
PATIENCE_S = 2.0
LOOK_AGAIN_S = 0.02


class PinsError(OSError):
    """A chip or line cannot be had; the text is one line for the operator."""


class LineGone(ConnectionError):
    """A line that was ours does not answer any more: its chip is gone."""


def find_chip(
    devices: Path = DEVICES, open_chip: Callable[[str], gpiod.Chip] = gpiod.Chip
) -> gpiod.Chip:
    """Open the one chip with a label of HEADERS. Raises PinsError."""
    found, others, refused = [], [], []
    # A Pi 5 has gpiochip4 as a link to gpiochip0: the same chip once more.
    for path in sorted(path for path in devices.glob("gpiochip*") if not path.is_symlink()):
        try:
            chip = open_chip(str(path))
        except OSError as error:
            refused.append(f"{path}: {error.strerror}")
            continue
        label = chip.get_info().label
        if label in HEADERS:
            found.append(chip)
        else:
            others.append(label)
            chip.close()
    if len(found) == 1:
        return found[0]
    for chip in found:
        chip.close()
    raise PinsError(_why_not(devices, len(found), others, refused))


def _why_not(devices: Path, found: int, others: list[str], refused: list[str]) -> str:
    if found:
        return f"{found} GPIO chips are labelled as the header of a Pi: which one is it?"
    if refused:
        return f"{refused[0]}: may this user open it? (group gpio, see docs/gpio.md)"
    if not others:
        return f"no {devices}/gpiochip*: this machine has no GPIO character device"
    return f"no GPIO chip is labelled {', '.join(HEADERS)} (found: {', '.join(others)})"


def request(
    chip: gpiod.Chip, number: int, settings: gpiod.LineSettings, patience_s: float = PATIENCE_S
) -> gpiod.LineRequest:
    """Take line GPIO<number> for us alone. Raises PinsError, which names who holds it."""
    name = f"GPIO{number}"
    try:
        offset = chip.line_offset_from_id(name)
    except OSError:
        raise PinsError(f"{chip.path} has no line called {name}") from None
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return chip.request_lines({offset: settings}, CONSUMER, EVENT_BUFFER)
        except (OSError, ValueError) as error:  # libgpiod makes a ValueError of EINVAL
            code, why = error.args
            if code != errno.EBUSY:
                raise PinsError(f"{name} of {chip.path}: {why}") from None
        holder = chip.get_line_info(offset).consumer
        # Our own name is worth waiting for, and no name means that it has just been released.
        if holder not in (CONSUMER, "") or time.monotonic() >= deadline:
            raise PinsError(f"{name} of {chip.path} is in use by {holder!r}")
        time.sleep(LOOK_AGAIN_S)
