"""HMAC-SHA256 in two hash calls (MicroPython has no hmac module) and the keys made with it."""

from hashlib import sha256

MAC_BYTES = 8
KEY_BYTES = 32
_BLOCK_BYTES = 64


class Mac:
    """Keyed digest; the padded keys are made once, so a digest costs two hashes."""

    def __init__(self, key):
        if len(key) != KEY_BYTES:
            raise ValueError("a key has %d bytes, not %d" % (KEY_BYTES, len(key)))
        padded = key + bytes(_BLOCK_BYTES - len(key))
        self._inner = bytes([b ^ 0x36 for b in padded])
        self._outer = bytes([b ^ 0x5C for b in padded])

    def full(self, message):
        """Return the 32-byte HMAC-SHA256 of `message`."""
        inner = sha256(self._inner + message).digest()
        return sha256(self._outer + inner).digest()

    def tag(self, message):
        """Return the HMAC truncated to MAC_BYTES."""
        return self.full(message)[:MAC_BYTES]


def same(left, right):
    """Compare two byte strings in a time that does not depend on where they differ."""
    if len(left) != len(right):
        return False
    difference = 0
    for a, b in zip(left, right):  # noqa: B905  MicroPython's zip has no strict; lengths are equal
        difference |= a ^ b
    return difference == 0


def session_key(link, controller_nonce, host_nonce):
    """Derive the key of one session from the link key's `Mac` and the nonces of both ends."""
    return link.full(b"bot4 session" + controller_nonce + host_nonce)


def answer(session, challenge):
    """Return the answer to a challenge under the session's `Mac`."""
    return session.tag(b"bot4 answer" + challenge)
