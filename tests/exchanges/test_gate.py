"""The gate in the transport: what a real ccxt client does while the halt comes, and what then leaves.

The judge is the local exchange: which orders it received. `acked` is where the guard would raise ACK.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import ccxt
import pytest

from host import layout, refusals
from host.exchange import capabilities, client
from host.exchange.client import Settings
from host.exchange.process import looked_after
from host.exchange.transport import TICKET, GatedTransport, Ticket
from host.modes import Intent, TradingMode
from tests.exchanges.stand import KEYS, STANDS, Permit

DIALECTS = ["binance", "binanceusdm", "kraken", "okx"]
WIRE = "w1234567890123456"
HALTS = int(os.environ.get("BOT4_EXCHANGE_HALTS", "50"))


class Rig:
    """A local exchange and a ccxt client of it behind our transport; no connector."""

    def __init__(self, exchange: str) -> None:
        self.stand = STANDS[exchange]
        self.permit = Permit()
        self.server = self.stand.local()
        self.alarms: list[str] = []
        self.settings = Settings(
            self.stand.exchange,
            self.stand.symbol,
            "",
            self.server.url,
            timeout_ms=1_000,
            throttled=False,
        )

    async def client(self, **changed: Any) -> Any:
        """Return a client with its markets loaded."""
        x = client.make(
            self.settings,
            capabilities.of(self.settings.exchange),
            KEYS,
            self.permit.gate,
            await client.markets(self.settings),
            self.alarms.append,
        )
        for name, value in changed.items():
            setattr(x, name, value)
        return x

    @property
    def received(self) -> int:
        """Orders that reached the exchange."""
        return len(self.server.market.received)

    def acked(self) -> None:
        """Halt as the guard does: the mode, then every slot free."""
        self.permit.set(TradingMode.EMERGENCY)
        self.permit.free()

    def close(self) -> None:
        """Take it down."""
        self.server.close()
        self.permit.close()


@pytest.fixture(params=DIALECTS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    made = Rig(request.param)
    yield made
    made.close()


def run(rig: Rig, work: Callable[[Any], Awaitable[None]], **changed: Any) -> None:
    """Run `work` with a client, the send queues looked after."""

    async def main() -> None:
        x = await rig.client(**changed)
        try:
            async with looked_after(rig.permit.gate):
                await work(x)
        finally:
            await client.close(x)

    asyncio.run(main())


def ticket(intent: Intent = Intent.OPEN) -> Ticket:
    """Leave for one order."""
    return Ticket(intent, WIRE.encode())


async def order(x: Any, held: Ticket | None, symbol: str) -> None:
    """Place an order through ccxt's own unified method."""
    token = TICKET.set(held)
    try:
        await x.create_order(symbol, "limit", "buy", 1.0, 90.0, {"clientOrderId": WIRE})
    finally:
        TICKET.reset(token)


def test_a_permitted_order_leaves_and_a_halted_one_does_not(rig: Rig) -> None:
    async def work(x: Any) -> None:
        held = ticket()
        await place(x, held, rig)
        assert (rig.received, held.sent, held.refused) == (1, True, refusals.SENT)
        rig.acked()
        halted = ticket()
        with pytest.raises(ccxt.NetworkError):
            await place(x, halted, rig)
        assert (rig.received, halted.sent, halted.refused) == (1, False, refusals.MODE)
        await cancel(x, rig)  # nothing stands between a cancel and the exchange
        assert rig.server.market.open() == []

    run(rig, work)


async def place(x: Any, held: Ticket | None, rig: Rig) -> None:
    """Place an order with the exchange's own client order id."""
    await order(x, held, rig.stand.symbol)


async def cancel(x: Any, rig: Rig) -> None:
    """Cancel the one order that is open."""
    (standing,) = rig.server.market.open()
    await x.cancel_order(rig.server.number(standing), rig.stand.symbol)


def test_an_order_without_a_ticket_or_under_anothers_is_held_back(rig: Rig) -> None:
    async def work(x: Any) -> None:
        for held in (None, Ticket(Intent.OPEN, b"another-order")):
            with pytest.raises(ccxt.NetworkError):
                await place(x, held, rig)
        assert rig.received == 0
        assert len(rig.alarms) == 2
        assert "nobody asked for" in rig.alarms[0]
        assert KEYS.key not in " ".join(rig.alarms)

    run(rig, work)


def test_throttled_while_the_halt_comes(rig: Rig) -> None:
    async def work(x: Any) -> None:
        x.tokenBucket["tokens"] = -3.0
        x.init_throttler()
        x.throttler.config |= {"refillRate": 0.005, "tokens": -3.0, "capacity": 1.0}
        held = ticket()
        waiting = asyncio.create_task(place(x, held, rig))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        rig.acked()
        with pytest.raises(ccxt.NetworkError):
            await waiting
        assert (rig.received, held.sent, held.refused) == (0, False, refusals.MODE)

    run(rig, work, enableRateLimit=True)


def test_connecting_while_the_halt_comes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(x: Any) -> None:
        connect, loop = asyncio.get_running_loop().sock_connect, asyncio.get_running_loop()

        async def slow(sock: socket.socket, address: Any) -> None:
            await asyncio.sleep(0.4)
            await connect(sock, address)

        monkeypatch.setattr(loop, "sock_connect", slow)
        held = ticket()
        waiting = asyncio.create_task(place(x, held, rig))
        await asyncio.sleep(0.2)
        rig.acked()
        with pytest.raises(ccxt.NetworkError):
            await waiting
        assert (rig.received, held.refused) == (0, refusals.MODE)

    run(rig, work)


def test_retrying_while_the_halt_comes(rig: Rig) -> None:
    async def work(x: Any) -> None:
        x.options |= {"maxRetriesOnFailure": 5, "maxRetriesOnFailureDelay": 300}
        rig.server.wrong = "failing"
        held = ticket()
        waiting = asyncio.create_task(place(x, held, rig))
        while rig.server.wrong:
            await asyncio.sleep(0.01)
        tried = len(rig.server.requests)
        rig.acked()
        with pytest.raises(ccxt.NetworkError):
            await waiting
        # The first try arrived, so nobody may say that none did; the others were refused at the socket.
        assert (rig.received, held.sent, held.refused) == (0, True, refusals.MODE)
        assert len(rig.server.requests) == tried

    run(rig, work)


def test_without_a_halt_the_retry_passes_the_gate_again(rig: Rig) -> None:
    async def work(x: Any) -> None:
        x.options |= {"maxRetriesOnFailure": 5, "maxRetriesOnFailureDelay": 20}
        rig.server.wrong = "failing"
        await place(x, ticket(), rig)
        assert rig.received == 1
        assert rig.permit.engine.words.load(layout.ENGINE_SENT) == 2

    run(rig, work)


@pytest.mark.parametrize("name", ["binance", "kraken", "okx"])
def test_an_order_over_a_websocket_passes_the_same_gate(name: str) -> None:
    rig = Rig(name)

    async def work(x: Any) -> None:
        with pytest.raises((ccxt.BaseError, OSError)):
            await asyncio.wait_for(over_websocket(x, None, rig), 2)
        assert rig.received == 0
        await asyncio.wait_for(over_websocket(x, ticket(), rig), 5)
        assert rig.received == 1
        rig.acked()
        halted = ticket()
        with pytest.raises((ccxt.BaseError, OSError, TimeoutError)):
            await asyncio.wait_for(over_websocket(x, halted, rig), 2)
        assert (rig.received, halted.sent, halted.refused) == (1, False, refusals.MODE)

    try:
        run(rig, work)
    finally:
        rig.close()


async def over_websocket(x: Any, held: Ticket | None, rig: Rig) -> None:
    """Place an order by ccxt.pro; only that it arrives matters, not how ccxt reads the answer."""
    before = rig.received
    token = TICKET.set(held)
    try:
        sending = asyncio.create_task(
            x.create_order_ws(rig.stand.symbol, "limit", "buy", 1.0, 90.0, {"clientOrderId": WIRE})
        )
        while rig.received == before and not sending.done():
            await asyncio.sleep(0.01)
        if sending.done():
            await sending
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    finally:
        TICKET.reset(token)


def test_halts_at_any_moment_let_nothing_out_after_ack() -> None:
    """Orders without a pause, halts at odd moments: nothing arrives that left after ACK."""
    rig, halts = Rig("binance"), HALTS

    async def work(x: Any) -> None:
        after_ack = sent = 0
        for number in range(halts):
            rig.permit.set(TradingMode.NORMAL)
            stop = asyncio.Event()

            async def trade(stop: asyncio.Event = stop) -> None:
                while not stop.is_set():
                    try:
                        await order(x, ticket(), rig.stand.symbol)
                    except ccxt.BaseError:
                        continue

            traders = [asyncio.create_task(trade()) for _ in range(3)]
            await asyncio.sleep(0.02 + number % 7 * 0.0013)
            await asyncio.to_thread(rig.acked)
            at_ack = rig.permit.engine.words.load(layout.ENGINE_SENT)
            await asyncio.sleep(0.02)
            after_ack += rig.permit.engine.words.load(layout.ENGINE_SENT) - at_ack
            stop.set()
            await asyncio.gather(*traders)
            for standing in rig.server.market.open():
                rig.server.market.cancel(standing.ref)
        sent = rig.permit.engine.words.load(layout.ENGINE_SENT)
        refused = rig.permit.engine.words.load(layout.ENGINE_REFUSED)
        print(f"\n{halts} halts, {sent} orders sent, {refused} refused, {rig.received} received")
        assert after_ack == 0
        assert rig.received <= sent
        assert sent > halts / 2 < refused

    try:
        run(rig, work)
    finally:
        rig.close()


class Deaf:
    """A server that accepts, and reads nothing: what is sent to it stays in the send queue."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.peer = socket.create_connection(self.listener.getsockname())
        self.end, _ = self.listener.accept()
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.peer.setblocking(False)

    def fill(self) -> None:
        """Send until the other end has no room: the next bytes stay here."""
        sent = 1
        while sent:
            try:
                sent = self.peer.send(b"x" * 65536)
            except BlockingIOError:
                sent = 0
            if sent:
                time.sleep(0.01)
                if self.queued() > 65536:
                    return

    def queued(self) -> int:
        """Bytes that the other end has not acknowledged."""
        import fcntl
        import termios

        return int.from_bytes(fcntl.ioctl(self.peer, termios.TIOCOUTQ, bytes(4)), "little")

    def close(self) -> None:
        for sock in (self.peer, self.end, self.listener):
            sock.close()


@pytest.fixture
def deaf() -> Iterator[tuple[Deaf, Permit, threading.Thread]]:
    made, permit = Deaf(), Permit()
    thread = threading.Thread(target=permit.gate.watch)
    thread.start()
    yield made, permit, thread
    permit.gate.stop()
    thread.join()
    made.close()
    permit.close()


def everything(end: socket.socket) -> bytes:
    """All that arrives until the connection is reset."""
    received = b""
    end.settimeout(2.0)
    try:
        while data := end.recv(1 << 20):
            received += data
    except ConnectionResetError:
        return received
    raise AssertionError("the connection ended in order")


def test_what_is_left_in_the_send_queue_is_reset_before_ack(deaf: Any) -> None:
    server, permit, _thread = deaf
    server.fill()
    assert permit.gate.transmit(server.peer.fileno(), b"order", Intent.OPEN) == refusals.SENT
    assert permit.slot() == 1  # not acknowledged by the other end: still on its way
    begun = time.monotonic()
    permit.set(TradingMode.EMERGENCY)
    permit.free()
    print(f"\nreset after {(time.monotonic() - begun) * 1e6:.0f} us")
    assert permit.gate.resets == 1
    assert b"order" not in everything(server.end)


def test_what_the_gate_costs_an_order(deaf: Any) -> None:
    """Printed, not judged: slot, permission, send, and the look at the send queue."""
    server, permit, _thread = deaf
    taken_us = []
    for _ in range(2000):
        begun_ns = time.perf_counter_ns()
        assert permit.gate.transmit(server.peer.fileno(), b"o" * 400, Intent.OPEN) == refusals.SENT
        taken_us.append((time.perf_counter_ns() - begun_ns) / 1e3)
        server.end.recv(400)
        permit.free()
    taken_us.sort()
    print(f"\ngate of a TCP connection: p50 {taken_us[1000]:.1f} us, p99 {taken_us[1980]:.1f} us")


def test_a_cancel_in_the_send_queue_is_left_alone(deaf: Any) -> None:
    server, permit, _thread = deaf
    server.fill()
    assert permit.gate.transmit(server.peer.fileno(), b"cancel", Intent.CANCEL) == refusals.SENT
    permit.set(TradingMode.EMERGENCY)
    time.sleep(0.05)
    assert permit.gate.resets == 0


def test_an_order_that_nobody_acknowledges_does_not_stay_for_ever(deaf: Any) -> None:
    server, permit, _thread = deaf
    server.fill()
    permit.gate.transmit(server.peer.fileno(), b"order", Intent.OPEN)
    permit.free()  # after drain_ms
    assert permit.gate.resets == 1
    with pytest.raises(ConnectionResetError):
        server.peer.recv(1)


def test_a_full_send_queue_refuses_and_a_part_is_never_left_behind(deaf: Any) -> None:
    server, permit, _thread = deaf
    while True:
        try:
            server.peer.send(b"x" * (1 << 16))
        except BlockingIOError:
            break
    code = permit.gate.transmit(server.peer.fileno(), b"o" * (1 << 22), Intent.OPEN)
    assert code in (refusals.WOULD_BLOCK, refusals.SEND_FAILED)
    assert permit.slot() == 0
    assert permit.gate.resets == (code == refusals.SEND_FAILED)


def test_over_tls_the_sealed_order_passes_the_gate_whole(tmp_path: Path) -> None:
    """The same transport over TLS: a server with a certificate of its own, read in plain by the test."""
    key, certificate = certificate_in(tmp_path)
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            heard.append(head)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        permit, alarms = Permit(), []
        tls = ssl.create_default_context(cafile=certificate)
        from host.exchange.reach import HERE
        from host.exchange.transport import GatedConnector

        row = capabilities.of("binance")
        connector = GatedConnector(permit.gate, row.traffic, alarms.append, HERE, tls)
        url = f"https://localhost:{port}/api/v3/order?newClientOrderId={WIRE}"
        async with looked_after(permit.gate), aiohttp.ClientSession(connector=connector) as session:
            async with session.get(f"https://localhost:{port}/api/v3/time"):
                pass
            TICKET.set(ticket())
            async with session.post(url) as answer:
                assert answer.status == 200
            assert permit.engine.words.load(layout.ENGINE_SENT) == 1
            permit.set(TradingMode.EMERGENCY)
            TICKET.set(halted := ticket())
            with pytest.raises(aiohttp.ClientError):
                await session.post(url)
            assert (halted.sent, halted.refused) == (False, refusals.MODE)
        server.close()
        permit.close()
        assert [head.split()[0] for head in heard] == [b"GET", b"POST"]
        assert alarms == []

    asyncio.run(main())


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate of localhost."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    return folder / "key.pem", folder / "cert.pem"


def test_a_planted_leak_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the gate taken out the same judge says so."""
    monkeypatch.setattr(
        GatedTransport, "_order", lambda self, request: self._inner.write(request.data)
    )
    rig = Rig("binance")

    async def work(x: Any) -> None:
        rig.acked()
        await place(x, None, rig)
        assert rig.received == 1

    try:
        run(rig, work)
    finally:
        rig.close()
