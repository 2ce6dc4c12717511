"""The littlefs in the Pico's flash, as MicroPython's rp2 port formats it."""

from collections.abc import Mapping
from typing import Any

import littlefs

FLASH_BYTES = 2 << 20  # a Pico
FS_START, FS_BLOCK, FS_BLOCKS = 0xA0000, 4096, 352
FS_END = FS_START + FS_BLOCK * FS_BLOCKS
_GEOMETRY: dict[str, Any] = {
    "block_size": FS_BLOCK,
    "block_count": FS_BLOCKS,
    "prog_size": 256,
    "read_size": 32,
}


def filesystem(files: Mapping[str, bytes]) -> bytes:
    """Return a file system that holds `files` (paths with slashes)."""
    fs = littlefs.LittleFS(**_GEOMETRY, disk_version=0x00020000)
    for path, content in sorted(files.items()):
        folder = path.strip("/").rpartition("/")[0]
        if folder:
            fs.makedirs(folder, exist_ok=True)
        with fs.open(path.strip("/"), "wb") as handle:
            handle.write(content)
    image = bytes(fs.context.buffer)
    fs.unmount()
    return image


def read_filesystem(image: bytes) -> dict[str, bytes]:
    """Return the files of a file system: what the firmware has left there."""
    context = littlefs.UserContext(len(image))
    context.buffer = bytearray(image)
    fs = littlefs.LittleFS(context=context, **_GEOMETRY)
    found: dict[str, bytes] = {}
    for folder, _, names in fs.walk("/"):
        for name in names:
            path = f"{folder.strip('/')}/{name}".strip("/")
            with fs.open(path, "rb") as handle:
                found[path] = handle.read()
    return found
