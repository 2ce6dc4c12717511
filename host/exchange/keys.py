"""API keys: from the environment, or from a file that nobody else can read. Never shown, never logged."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

FIELDS = ("key", "secret", "passphrase")
_QUERY = re.compile(r"\?\S*|[A-Za-z0-9+/=]{40,}")
SHOWN_CHARS = 200


class BadKeys(ValueError):
    """The keys cannot be used; its text is one line, without them."""


class Keys:
    """What signs requests; what is not needed is empty."""

    def __init__(self, key: str, secret: str, passphrase: str = "") -> None:
        self.key, self.secret, self.passphrase = key, secret, passphrase

    def __repr__(self) -> str:
        """Return nothing worth stealing."""
        return "Keys(...)"

    def hide(self, message: object) -> str:
        """Return a message without keys, query strings (they are signed) and signatures, cut short."""
        text = str(message)
        for own in (self.key, self.secret, self.passphrase):
            text = text.replace(own, "...") if own else text
        return " ".join(_QUERY.sub("...", text).split())[:SHOWN_CHARS]


def load(exchange: str, file: str, environment: Mapping[str, str] = os.environ) -> Keys:
    """Read the keys of an exchange. Raises BadKeys.

    file -- TOML with `key`, `secret` and, for some exchanges, `passphrase`; empty: the environment has
    BOT4_KRAKEN_KEY and so on
    """
    if file:
        return _of_file(Path(file))
    names = {field: f"BOT4_{exchange.upper()}_{field.upper()}" for field in FIELDS}
    found = {field: environment.get(name, "") for field, name in names.items()}
    if not (found["key"] and found["secret"]):
        raise BadKeys(f"keys: set {names['key']} and {names['secret']}, or give --keys FILE")
    return Keys(**found)


def _of_file(path: Path) -> Keys:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 (what is checked is what is read)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o177:
                raise BadKeys(f"keys: {path} must be a file that its owner alone can read (0600)")
            if status.st_uid != os.getuid():
                raise BadKeys(f"keys: {path} belongs to somebody else")
            found = tomllib.loads(file.read(1 << 16).decode())
    except OSError as error:
        raise BadKeys(f"keys: {path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise BadKeys(f"keys: {path}: not TOML") from None
    unknown = [name for name in found if name not in FIELDS]
    if unknown:
        raise BadKeys(f"keys: {path}: {unknown[0][:40]}: unknown key")
    for name in FIELDS[:2]:
        if not isinstance(found.get(name), str) or not found[name]:
            raise BadKeys(f"keys: {path}: {name}: missing, or not a text")
    return Keys(**{name: str(value) for name, value in found.items()})
