"""An HTTP client for peers that nobody trusts: bounded bodies, no compression, no redirects."""

from collections.abc import AsyncIterator

import httpx2

MOST_BYTES = 1_000_000


class TooLarge(httpx2.TransportError):
    """The peer sent more than a body may have, or packed it."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MOST_BYTES:
                raise TooLarge(f"the body has more than {MOST_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise TooLarge("the body is packed, which nobody asked for")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)
        return response


def client(deadline_s: float) -> httpx2.AsyncClient:
    """Return a client; whoever uses it sets a limit on the whole exchange as well."""
    return httpx2.AsyncClient(
        transport=_Transport(),
        headers={"Accept-Encoding": "identity"},
        timeout=deadline_s,
        follow_redirects=False,
    )
