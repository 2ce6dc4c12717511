"""The MicroPython image: where it is, what it is. It is never part of this repository."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from rig.emulated.errors import EmulatorError

VARIABLE = "BOT4_PICO_IMAGE"
DEFAULT = Path("~/.cache/bot4/RPI_PICO.uf2")
DOWNLOAD = "https://micropython.org/download/RPI_PICO/ (v1.26.1, .uf2)"
# Every block of a UF2 file begins with this magic number, little-endian.
UF2_MAGIC = b"UF2\n"
UF2_BLOCK, UF2_HEADER, UF2_PAYLOAD = 512, 32, 256
VERSION = re.compile(rb"MicroPython (v[0-9][\w.-]*) on (\d{4}-\d\d-\d\d)")


@dataclass(frozen=True)
class Image:
    """One image file, the SHA-256 of its bytes in hex, and the MicroPython that it says it is."""

    path: Path
    sha256: str
    version: str


def find_image() -> Image:
    """Return the image of BOT4_PICO_IMAGE, else of the default place; EmulatorError says what to do."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else DEFAULT.expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EmulatorError(
            f"no MicroPython image for the Pico ({path}: {error.strerror}): "
            f"put it there or name it in {VARIABLE}; {DOWNLOAD}"
        ) from None
    if not content.startswith(UF2_MAGIC):
        raise EmulatorError(f"{path} is no UF2 image: get one from {DOWNLOAD}")
    return Image(path, hashlib.sha256(content).hexdigest(), _version(content))


def _version(content: bytes) -> str:
    """Return the banner in the flash content; a string may reach over two blocks of the file."""
    flash = b"".join(
        content[at + UF2_HEADER : at + UF2_HEADER + UF2_PAYLOAD]
        for at in range(0, len(content), UF2_BLOCK)
    )
    found = VERSION.search(flash)
    return " ".join(part.decode() for part in found.groups()) if found else "unknown"
