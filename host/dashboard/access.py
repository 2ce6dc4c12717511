"""What every request passes before anything looks at it: method, Host, token; and every answer's headers.

Only GET and HEAD exist. The Host header must be one that was asked for, so that no page of somebody
else can read this one by giving our address a name of its own (DNS rebinding).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import ipaddress
from collections.abc import Iterable
from typing import Any

Scope = dict[str, Any]
METHODS = ("GET", "HEAD")
LOCAL = "localhost"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types bot4"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-store"),
)


class Access:
    """Wraps an ASGI application. token -- None where none is asked for"""

    def __init__(self, inner: Any, names: Iterable[str], token: str | None) -> None:
        self._inner = inner
        self._names = {name.lower() for name in names}
        self._token = token.encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refused = self._refused(scope)
        if refused is not None:
            await _answer(send, *refused)
            return

        async def with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        await self._inner(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> tuple[int, str, tuple[bytes, bytes] | None] | None:
        """Return (status, text, a header of its own) for a request that goes no further."""
        if scope["method"] not in METHODS:
            return 405, "only GET and HEAD exist", (b"allow", b"GET, HEAD")
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._is_ours(_name(hosts[0])):
            return 421, "this is not the host that you asked for", None
        if self._token is not None and not self._authorized(scope):
            return 401, "a token is needed", (b"www-authenticate", b'Basic realm="bot4"')
        return None

    def _is_ours(self, name: str) -> bool:
        """A number cannot be given to somebody else's name, so every number is good."""
        with contextlib.suppress(ValueError):
            return bool(ipaddress.ip_address(name.strip("[]")))
        return name in self._names

    def _authorized(self, scope: Scope) -> bool:
        """Bearer for programs; Basic, any user, for browsers, which keep it for the event stream too."""
        assert self._token is not None
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1:
            return False
        scheme, _, word = given[0].partition(b" ")
        word = word.strip()
        if scheme.lower() == b"basic":
            try:
                word = base64.b64decode(word, validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return False
        elif scheme.lower() != b"bearer":
            return False
        return hmac.compare_digest(word, self._token)


def _name(host: bytes) -> str:
    """The name in a Host header, without its port."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[: text.find("]") + 1]
    return text.partition(":")[0]


async def _answer(send: Any, status: int, text: str, own: tuple[bytes, bytes] | None) -> None:
    body = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *HEADERS,
        *([own] if own else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
