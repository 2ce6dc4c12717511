"""GPIO and serial: whether the host's end of the wires is there, and ours."""

import grp
import os
import re
import stat
from importlib.metadata import entry_points
from pathlib import Path

from controller import wiring
from host.doctor.finding import Check, Found, Place, missing, ok, quoting, warn

# Kernel drivers of the PL011; what the Pi calls the mini UART has no stable clock.
PL011 = ("uart-pl011", "serial-pl011", "amba-pl011")
OWN_FACTORY = "bot4gpiod"


def chip(_place: Place) -> Found:
    """The chip behind the header, by its label, opened as this user."""
    from host.pins.chips import HEADERS, PinsError, find_chip

    try:
        header = find_chip()
    except PinsError as error:
        return missing(str(error))
    with header:
        info = header.get_info()
        return ok(f"{header.path} ({info.label}: {HEADERS[info.label]})")


def lines(_place: Place) -> Found:
    """HALT and ACK on that chip, by line name, and who holds them."""
    from host.pins.chips import CONSUMER, PinsError, find_chip

    names = {name: f"GPIO{wiring.bcm(name)}" for name in ("HALT", "ACK")}
    try:
        header = find_chip()
    except PinsError as error:
        return missing(str(error))
    held = []
    with header:
        for name, line in names.items():
            try:
                info = header.get_line_info(header.line_offset_from_id(line))
            except OSError:
                return missing(f"{header.path} has no line called {line} ({name})")
            if info.used and info.consumer != CONSUMER:
                return missing(f"{line} ({name}) is in use by {info.consumer!r}")
            held.append(f"{name} {line}{' held by us' if info.used else ''}")
    return ok(", ".join(held))


def factory(place: Place) -> Found:
    """The entry point gpiozero_pin_factories of that name."""
    if not entry_points(group="gpiozero_pin_factories", name=place.pins):
        return missing(f"no gpiozero pin factory is called {place.pins!r}")
    if place.pins != OWN_FACTORY:
        return warn(f"{place.pins}: not the one of a real Pi ({OWN_FACTORY})")
    return ok(place.pins)


def serial_port(place: Place) -> Found:
    """There, a character device, readable and writable for this user."""
    path = Path(place.serial)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return missing(f"{path}: {error.strerror}")
    if not stat.S_ISCHR(mode):
        return missing(f"{path}: not a character device")
    if not os.access(path, os.R_OK | os.W_OK):
        return missing(f"{path}: this user may not read and write it")
    return ok(f"{path}, mode {stat.S_IMODE(mode):04o}")


def serial_driver(place: Place) -> Found:
    """The kernel driver behind it; the mini UART follows the core clock and loses bytes."""
    name = Path(place.serial).resolve().name
    driver = (place.at("/sys/class/tty") / name / "device" / "driver").resolve(strict=True).name
    if driver in PL011:
        return ok(driver)
    return warn(f"{driver} drives {name}, not the PL011")


def console(place: Place) -> Found:
    """console= of the kernel's command line, and the active consoles."""
    name = Path(place.serial).resolve().name
    aliases = {name, "serial0"} if name == "ttyAMA0" else {name}
    words = place.at("/proc/cmdline").read_text(encoding="utf-8", errors="replace").split()
    spoken = [word for word in words if word.startswith("console=")]
    if any(word[len("console=") :].partition(",")[0] in aliases for word in spoken):
        return missing(f"the kernel's console is on {name}")
    active = place.at("/sys/class/tty/console/active").read_text().split()
    if aliases & set(active):
        return missing(f"a console is active on {name}")
    return ok(f"none on {name}")


def link_key(place: Place) -> Found:
    """There, with no access for others."""
    try:
        status = place.link_key.stat()
    except OSError as error:
        return missing(f"{place.link_key}: {error.strerror}")
    if status.st_mode & 0o077:
        return missing(
            f"{place.link_key}: mode {stat.S_IMODE(status.st_mode):04o}, others may read it"
        )
    return ok(f"{place.link_key}, mode {stat.S_IMODE(status.st_mode):04o}")


def device_rules(place: Place) -> Found:
    """udev rules that give GPIO chips and the serial port to a group."""
    files = [
        file
        for folder in RULES
        for file in sorted(place.at(folder).glob("*.rules"))
        if GIVEN.search(file.read_text(encoding="utf-8", errors="replace"))
    ]
    if not files:
        return warn("no rule gives gpiochip* to a group")
    return ok(", ".join(dict.fromkeys(file.name for file in files)))


def device_access(place: Place) -> Found:
    """Owner, group and mode of the GPIO chips and of the serial port."""
    names = sorted(path for path in place.at("/dev").glob("gpiochip*") if not path.is_symlink())
    if not names:
        return missing("no gpiochip under /dev")
    told, open_to_all = [], []
    for path in [*names, *(path for path in [Path(place.serial)] if path.exists())]:
        status = path.stat()
        told.append(f"{path.name} {_group(status.st_gid)} {stat.S_IMODE(status.st_mode):04o}")
        if status.st_mode & 0o006:
            open_to_all.append(path.name)
        if not os.access(path, os.R_OK | os.W_OK):
            return missing(f"{', '.join(told)}: not for this user")
    if open_to_all:
        return warn(f"everybody may use {', '.join(open_to_all)}")
    return ok(", ".join(told))


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


RULES = ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
         "/usr/lib/udev/rules.d", "/lib/udev/rules.d")  # fmt: skip
GIVEN = re.compile(r'^[^#\n]*(KERNEL=="gpiochip|SUBSYSTEM=="\*?gpio)[^\n]*GROUP=', re.MULTILINE)
DOCS = "docs/gpio.md"
CHECKS = (
    Check("GPIO device", chip, f"user into group gpio and a udev rule: {DOCS}"),
    Check("GPIO lines", lines, f"end what holds the line (`gpioinfo`), see {DOCS}"),
    Check("device rules", device_rules, "bot4 install, then udevadm control --reload && udevadm trigger"),
    quoting("device access", device_access, f"user into groups gpio and dialout; MODE=\"0660\": {DOCS}"),
    quoting("pin factory", factory, "pip install bot4, and pins = \"bot4gpiod\" under [host]"),
    quoting("serial port", serial_port, "enable_uart=1 in config.txt; user into group dialout"),
    quoting("serial driver", serial_driver, "dtoverlay=disable-bt in config.txt gives ttyAMA0 the PL011"),
    quoting("serial console", console, "raspi-config: serial login shell off; no console= on it"),
    quoting("link key", link_key, "bot4 firmware provision; chmod 600"),
)  # fmt: skip
