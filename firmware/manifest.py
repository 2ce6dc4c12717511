"""The manifest of a firmware slot: which files belong to it, and that none of them has changed.

`firmware.tools.build` writes it, the board checks it before it starts anything else. The SHA-256 of the
manifest itself names the firmware; it goes into HELLO as `build` and into the attestation.
"""

import json
from binascii import hexlify
from hashlib import sha256

FILE = "manifest.json"
CHUNK_BYTES = 1024


class Altered(Exception):
    """A file of the slot is missing or not the one that was built."""


def digest_of(path):
    """Return the SHA-256 of a file."""
    state = sha256()
    with open(path, "rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            if not chunk:
                return state.digest()
            state.update(chunk)


def check(folder):
    """Return (profile, digest of the manifest). Raises Altered or OSError when it does not hold."""
    path = folder + "/" + FILE
    with open(path) as file:
        manifest = json.load(file)
    for name, expected in manifest["files"].items():
        if hexlify(digest_of(folder + "/" + name)).decode() != expected["sha256"]:
            raise Altered(name)
    return manifest["profile"], digest_of(path)
