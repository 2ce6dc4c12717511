"""The bench file: what a bench is made of. TOML, typed, units in the names.

A misspelt key is an error; every complaint names file, section and key in one line. The words for
analyser and stimulus are those of their drivers, which check the options themselves.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

import controller
from controller import wiring
from rig.latency import LIMIT_US

FOLDER = Path(controller.__file__).resolve().parent.parent / "benches"
SHOWN_CHARS = 200
Text = Annotated[str, Meta(min_length=1, max_length=4096)]
Command = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)]


class BenchFileError(ValueError):
    """The file cannot be used; its text is one line with file, section and key."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the sections: a misspelt key is refused, never ignored."""


class Controller(Section, frozen=True):
    """What guards the switch."""

    kind: Annotated[
        Literal["virtual", "emulated", "serial"],
        Meta(
            description="MicroPython on this machine, an emulated Pico, or a Pico on a serial line"
        ),
    ]
    port: Annotated[str, Meta(description="`serial`: its port, as the host sees it")] = ""
    witness_key: Annotated[
        str,
        Meta(
            description="`serial`: the auditor's key, a file on the rig; without it no run passes"
        ),
    ] = ""

    def __post_init__(self) -> None:
        """Refuse a port where there is none, and a Pico without one (ValueError)."""
        if (self.kind == "serial") != bool(self.port):
            needs = "needs a port" if self.kind == "serial" else "has no port"
            raise ValueError(f"a {self.kind} controller {needs}")


class Host(Section, frozen=True):
    """Where the host under test runs and how the rig gets at it."""

    kind: Annotated[
        Literal["local", "ssh"], Meta(description="on this machine, or over SSH on the Pi")
    ] = "local"
    argv: Annotated[
        Command | None,
        Meta(description="command of the host; the rig adds the options. Default: this bot4's"),
    ] = None
    address: Annotated[str, Meta(description="`ssh`: user@machine")] = ""
    folder: Annotated[
        str,
        Meta(
            description="beside a Pico: the host's folder for audit log and venue record; tar "
            "fetches them, and the log stays, because the Pico remembers its head"
        ),
    ] = ""
    connect: Annotated[
        Command, Meta(description="`ssh`: command that connects; it must not ask for a password")
    ] = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5")

    def __post_init__(self) -> None:
        """Refuse half an address (ValueError)."""
        if self.kind == "ssh" and not (self.address and self.folder and self.argv):
            raise ValueError("a host over ssh needs address, folder and argv")
        if self.kind == "local" and self.address:
            raise ValueError("a local host has no address")
        if self.address.startswith("-"):
            raise ValueError("address: it may not begin with a dash")


class Driver(Section, frozen=True):
    """An analyser or a stimulus: a kind of driver and its own options."""

    kind: Annotated[Text, Meta(description="name of the driver")]
    options: Annotated[dict[str, Any], Meta(description="what that driver takes")] = {}


class Limits(Section, frozen=True):
    """What a run must hold; tighter than the budget is allowed, looser is not."""

    switch_to_ack_us: Annotated[
        float, Meta(gt=0, le=LIMIT_US, description="slowest press, from contact to ACK")
    ] = LIMIT_US


class BenchFile(Section, frozen=True):
    """The whole file."""

    controller: Controller
    analyser: Driver
    stimulus: Driver
    host: Host = Host()
    wiring: Annotated[
        dict[str, Text],
        Meta(description="a section: `LINE = 'channel'` where the analyser has it elsewhere"),
    ] = {}
    profile: Annotated[
        Literal["bench", "production"], Meta(description="table of times that both ends run")
    ] = "bench"
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        """Refuse what does not fit together (ValueError)."""
        simulated = self.controller.kind if self.controller.kind != "serial" else ""
        for what, driver in (("analyser", self.analyser), ("stimulus", self.stimulus)):
            if bool(simulated) != (driver.kind in ("virtual", "emulated")):
                raise ValueError(
                    f"[{what}] {driver.kind} sees no {self.controller.kind} controller"
                )
        if simulated and self.host.kind != "local":
            raise ValueError(f"[host] a {simulated} controller is wired to a local host alone")
        if bool(simulated) == bool(self.host.folder):
            needs = "has no folder" if simulated else "needs a folder for its records"
            raise ValueError(f"[host] beside a {self.controller.kind} controller it {needs}")
        known = {name for _channel, name in wiring.analysed()}
        for line in self.wiring:
            if line not in known:
                raise ValueError(f"[wiring] {line}: no such line; it is {', '.join(sorted(known))}")
        channels = list(self.channels.values())
        for channel in channels:
            if channels.count(channel) > 1:
                raise ValueError(f"[wiring] channel {channel} carries two lines")

    @property
    def channels(self) -> dict[str, str]:
        """Line -> channel of the analyser: the wiring table, with what this bench has otherwise."""
        return {name: self.wiring.get(name, channel) for channel, name in wiring.analysed()}


SECTIONS: list[tuple[str, type[Section]]] = [
    ("controller", Controller),
    ("host", Host),
    ("analyser", Driver),
    ("stimulus", Driver),
    ("limits", Limits),
]


def documented() -> list[tuple[str, str, str, str]]:
    """Return (section, key, default, what) of every key, for the page of documentation."""
    found = []
    sections: list[tuple[str, type[Section]]] = [("", BenchFile), *SECTIONS]
    for section, of in sections:
        hints = get_type_hints(of, include_extras=True)
        for field in msgspec.structs.fields(of):
            description = _meta(hints[field.name])
            if description:
                found.append((section, field.name, _default(field), description))
    return found


def _meta(hint: Any) -> str:
    """Return what stands beside a type, with the words that it may be; empty for a section."""
    inner = [_meta(part) for part in get_args(hint)] if get_origin(hint) is Annotated else []
    told = [note.description for note in getattr(hint, "__metadata__", ()) if note.description]
    return next((text for text in [*told, *inner] if text), "")


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if value in (None, "", {}):
        return "-"
    return f"`{' '.join(value) if isinstance(value, tuple) else value}`"


def find(name_or_file: str) -> Path:
    """Return the file of a bench: a path as it is, a bare name from the folder of benches."""
    path = Path(name_or_file)
    return path if path.suffix or len(path.parts) > 1 else FOLDER / f"{name_or_file}.toml"


def names() -> list[str]:
    """Return the benches that can be called by name."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name_or_file: str) -> BenchFile:
    """Read and check a bench file. Raises BenchFileError."""
    path = find(name_or_file)
    try:
        data = tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        has = f"no such file; by name there are {', '.join(names())}"
        raise BenchFileError(f"bench {name_or_file}: {has}") from None
    except OSError as error:
        raise BenchFileError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BenchFileError(f"{path}: not TOML: {error}") from None
    try:
        return msgspec.convert(data, BenchFile)
    except msgspec.ValidationError as error:
        raise BenchFileError(f"{path}: {_explain(str(error))[:SHOWN_CHARS]}") from None


def _explain(error: str) -> str:
    """Turn msgspec's complaint into `[section] key: what`."""
    what, _, where = error.partition(" - at `$")
    section, _, key = where.rstrip("`").lstrip(".").partition(".")
    choices = _choices(section, key) if what.startswith("Invalid enum value") else ()
    if choices:
        what = f"{what.removeprefix('Invalid enum value ')} is not one of {', '.join(choices)}"
    named = re.match(r"Object (missing required|contains unknown) field `(.+)`", what)
    if named and not section:
        missing = "missing" in named[1]
        return f"[{named[2]}]: {'this section is missing' if missing else 'unknown section or key'}"
    if named:
        return f"[{section}] {named[2]}: {'missing' if 'missing' in named[1] else 'unknown key'}"
    if not section:
        return what
    return f"[{section}] {key}: {what}" if key else f"[{section}] {what}"


def _choices(section: str, key: str) -> tuple[str, ...]:
    """Return the words that a key may be."""
    of = dict(SECTIONS).get(section, BenchFile)
    hint = get_type_hints(of).get(key or section)
    return get_args(hint) if get_origin(hint) is Literal else ()
