"""The second gate: between an exchange's client and its sockets.

Whatever the client library does before (sign, throttle, retry, look up names, connect) and on whichever
connection, one complete HTTP request or WebSocket message after the other comes by here last:

- it asks or cancels (host.exchange.traffic): it is written;
- anything else is an order. It needs a ticket, made by our own call that places it, and that call's
  order id in its bytes; it is written through the gate (host.hotpath.wiregate) in one piece, or the
  connection is dropped and nothing of it has left.

TLS seals the bytes between this and the socket, so the ticket is laid onto the socket for as long as the
write takes: all that the socket is given meanwhile is that order.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import socket
import ssl
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
from aiohttp.client_proto import ResponseHandler

from host import refusals
from host.exchange.framing import Framing, Request, Unreadable
from host.exchange.reach import Reach
from host.exchange.traffic import Kind, Traffic
from host.hotpath.wiregate import WireGate
from host.modes import Intent

if TYPE_CHECKING:
    from aiohttp.connector import Connection


@dataclass
class Ticket:
    """Leave for one order, however often the library tries to send it.

    mark -- the order's id as the exchange knows it; every request under this ticket carries it
    sent -- something of it may have left: from then on nobody can say that it did not
    refused -- the gate's last refusal, a code of host.refusals
    """

    intent: Intent
    mark: bytes
    token: int = 0
    sent: bool = False
    refused: int = refusals.SENT


TICKET: contextvars.ContextVar[Ticket | None] = contextvars.ContextVar("ticket", default=None)


class Refused(ConnectionAbortedError):
    """The request did not leave; the connection it was for is gone."""


class GatedSocket(socket.socket):
    """A TCP socket that the event loop writes to; with a ticket on it, through the gate."""

    gate: WireGate
    ticket: Ticket | None = None
    behind = False  # the kernel took only a part of an earlier write

    def send(self, data: Any, flags: int = 0) -> int:
        """Send as socket.send; under a ticket all of it or nothing. Raises Refused."""
        if self.ticket is not None:
            return self._order(self.ticket, bytes(data))
        self.behind = True
        sent = super().send(data, flags)
        self.behind = sent < len(data)
        return sent

    def sendmsg(self, buffers: Any, *rest: Any) -> int:
        """Send as one piece what the event loop has in several."""
        return self.send(b"".join(buffers))

    def _order(self, ticket: Ticket, data: bytes) -> int:
        code = self.gate.transmit(self.fileno(), data, ticket.intent, ticket.token)
        if code == refusals.SENT:
            ticket.sent = True
            return len(data)
        ticket.refused = code
        ticket.sent = ticket.sent or code == refusals.SEND_FAILED
        raise Refused(refusals.NAMES[code])


class GatedTransport:
    """Stands between aiohttp and the transport of one connection; all but writing is the transport's."""

    def __init__(
        self,
        inner: asyncio.Transport,
        sock: GatedSocket,
        traffic: Traffic,
        alarm: Callable[[str], None],
    ) -> None:
        self._inner = inner
        self._sock = sock
        self._traffic = traffic
        self._alarm = alarm
        self._framing = Framing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Pass on what is complete. Raises Refused after the connection has been dropped."""
        try:
            for request in self._framing.feed(bytes(data)):
                self._pass(request)
        except Unreadable as error:
            self._alarm(f"a request that cannot be read: {error}")
            self._drop(str(error))

    def writelines(self, chunks: Any) -> None:
        """Write the chunks as one piece."""
        self.write(b"".join(chunks))

    def _pass(self, request: Request) -> None:
        if request.word is not None:
            kind = self._traffic.of_request(*request.word)
        else:
            kind = Kind.QUERY if request.control else self._traffic.of_message(request.payload)
        if kind is Kind.ORDER:
            self._order(request)
        else:
            self._inner.write(request.data)

    def _order(self, request: Request) -> None:
        ticket = TICKET.get()
        if ticket is None or ticket.mark not in request.payload:
            self._alarm(f"an order that nobody asked for was held back: {request.shown}")
            self._drop("no ticket")
        if self._sock.behind:
            ticket.refused = refusals.WOULD_BLOCK
            self._drop("an earlier request has not left yet")
        before, ticket.sent, ticket.refused = ticket.sent, False, refusals.SENT
        self._sock.ticket = ticket
        try:
            self._inner.write(request.data)
        finally:
            self._sock.ticket = None
            left, ticket.sent = ticket.sent, ticket.sent or before
        if not left or ticket.refused != refusals.SENT:
            ticket.refused = ticket.refused or refusals.WOULD_BLOCK
            self._drop(refusals.NAMES[ticket.refused])

    def _drop(self, why: str) -> NoReturn:
        self._inner.abort()
        raise Refused(why)


class _Protocol(ResponseHandler):
    """aiohttp's end of a connection, whose transport is the gated one."""

    def __init__(self, owner: GatedConnector, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, with the gate before it."""
        super().connection_made(transport)
        self.transport = self._owner.gated(transport)  # type: ignore[assignment]


class GatedConnector(aiohttp.TCPConnector):
    """Makes every connection of a session; there is no proxy and no other way out.

    reach -- where a connection may go
    alarm(text) -- told of requests that should not have been made
    """

    def __init__(
        self,
        gate: WireGate,
        traffic: Traffic,
        alarm: Callable[[str], None],
        reach: Reach,
        tls: ssl.SSLContext | bool = True,
    ) -> None:
        super().__init__(ssl=tls, socket_factory=self._socket)
        self._reach = reach
        self._gate, self._traffic, self._alarm = gate, traffic, alarm
        self._sockets: weakref.WeakValueDictionary[int, GatedSocket] = weakref.WeakValueDictionary()
        # aiohttp has no parameter for it; tests/exchanges/test_transport.py fails when it is renamed.
        self._factory = functools.partial(  # type: ignore[assignment]
            _Protocol, self, asyncio.get_running_loop()
        )

    async def connect(self, req: aiohttp.ClientRequest, *rest: Any, **more: Any) -> Connection:
        """Connect for a request. Raises OutOfReach."""
        self._reach.check_name(req.url.host)
        return await super().connect(req, *rest, **more)

    def gated(self, transport: asyncio.BaseTransport) -> GatedTransport:
        """Return the transport as aiohttp may use it. Raises Refused for a socket that is not ours."""
        sock = self._sockets.get(transport.get_extra_info("socket").fileno())
        if sock is None or not isinstance(transport, asyncio.Transport):
            transport.close()
            raise Refused("a connection that this connector did not make")
        return GatedTransport(transport, sock, self._traffic, self._alarm)

    def _socket(self, address: Any) -> GatedSocket:
        family, kind, protocol, _name, peer = address
        self._reach.check_address(peer[0])
        sock = GatedSocket(family, kind, protocol)
        sock.gate = self._gate
        self._sockets[sock.fileno()] = sock
        return sock
