"""The paper venue's loop: one thread, non-blocking sockets, rows against absolute deadlines.

Answers to a packet (ack, reject, query) go to its sender. What happens to the account (fill,
cancelled, cancelled_all) goes to every trade client, because there is one account and a client
that has just come back must not miss it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence

import msgspec

from host.paper.book import Book
from host.paper.client import MAX_PACKET_BYTES, Client
from host.paper.clients import Clients
from host.paper.desk import Desk, Result
from host.paper.market import Row
from host.paper.mischief import LOST, Mischief, unknown
from host.paper.player import Player
from host.paper.record import Record, shown
from host.paper.stamps import WallOffset
from host.paper.tape import Tape
from host.venues import events as ev
from host.venues import messages as m

# Per turn of the loop, for the same reason as the player's ROWS_A_TURN.
_PACKETS_A_TURN = 64
# s. Upper bound of a turn: also how soon a step of the wall clock is noticed when nothing happens.
_LONGEST_WAIT_S = 0.05


class Venue:
    """Serves clients of `listener` from `tape` until `stop` is called, writing to `record`.

    settings -- what the fills depend on, for the record
    """

    def __init__(
        self,
        listener: socket.socket,
        tape: Tape,
        record: Record,
        book: Book,
        settings: dict[str, str],
    ) -> None:
        self._settings = settings
        self.player = Player(tape, self._play, self._end)
        self._record = record
        self._desk = Desk(book)
        self._late = book.late
        self._mischief = Mischief()
        self._offset = WallOffset()
        self.clients = Clients(listener, record, self._offset, self._read)
        self._stopped_by: str | None = None
        self._packets = self._bad_packets = 0

    def stop(self, reason: str) -> None:
        """Leave the loop after the present turn."""
        self._stopped_by = reason

    def turn_maintenance(self) -> None:
        """Begin or end maintenance: nothing is accepted and nothing fills, the feed goes on."""
        self.set_maintenance(not self._desk.maintenance)

    def set_maintenance(self, on: bool) -> None:
        """Be in maintenance from now on, or no longer."""
        self._desk.maintenance = on
        self._record.write("maintenance", on=on, mono_ns=time.monotonic_ns())

    def misbehave(self, what: str) -> None:
        """Do one of host.paper.mischief.KINDS once; on record, because answers will not tell."""
        self._mischief.arm(what)
        self._record.write("misbehaviour", what=what, mono_ns=time.monotonic_ns())

    def behave(self) -> None:
        """End maintenance and all faults."""
        self.set_maintenance(False)
        for target, event in self._mischief.end():
            self._send(target, event)

    def renew_liquidity(self) -> None:
        """The next row's sizes are all new."""
        self._desk.book.matching.liquidity.renew()

    def run(self, on_listening: Callable[[], None]) -> None:
        """Serve until stopped. Rows begin when this is called. Raises RecordError."""
        tape, now_ns = self.player.tape, time.monotonic_ns()
        self.player.start(now_ns)
        self._record.write(
            "start",
            pid=os.getpid(),
            source=tape.source,
            rows=tape.rows,
            rows_per_s=tape.rows_per_s,
            start_row=tape.start_row,
            settings=self._settings,
            mono_ns=now_ns,
        )
        on_listening()
        while self._stopped_by is None:
            self.clients.turn(self._wait_s())
            self._notice_clock_step()
            self._account_events(self._desk.fire_deadman(), cause="deadman")
            self.player.play_due()
        for client in self.clients:
            self.clients.drop(client, "venue stopped")
        self._record.write(
            "stop",
            reason=self._stopped_by,
            packets=self._packets,
            bad_packets=self._bad_packets,
            rows_played=self.player.played,
            dropped_rows=self.clients.dropped_rows,
            clock_steps=self._offset.steps,
            mono_ns=time.monotonic_ns(),
        )

    def _wait_s(self) -> float:
        due_ns = filter(None, (self._desk.deadman.due_ns, self.player.due_ns()))
        left_ns = min(due_ns, default=1 << 63) - time.monotonic_ns()
        return min(_LONGEST_WAIT_S, max(0.0, left_ns / 1e9))

    # Packets

    def _read(self, client: Client) -> None:
        """Take what has arrived: first all of it onto the record, then the answers."""
        answers: list[tuple[Client | None, ev.Ev]] = []
        gone = None
        for _ in range(_PACKETS_A_TURN):
            try:
                received = client.receive()
            except BlockingIOError:
                client.trust.queue_was_empty()
                break
            except OSError as exc:
                gone = exc.strerror or "connection lost"
                break
            if received is None:
                gone = "closed by the client"
                break
            self._take(client, *received, answers)
        self._record.flush()
        for asker, event in answers:
            self._deliver(asker, event)
        if gone is not None:
            self.clients.drop(client, gone)

    def _take(
        self,
        client: Client,
        data: bytes,
        stamp_wall_ns: int | None,
        answers: list[tuple[Client | None, ev.Ev]],
    ) -> None:
        """Carry one packet out, put it onto the record, add its answers (to None: every trader)."""
        read_ns = self._offset.sample()
        sent_ns, no_stamp = client.trust.sent_ns(stamp_wall_ns)
        self._packets += 1
        try:
            if len(data) > MAX_PACKET_BYTES:
                raise m.BadMessage(m.BAD_MESSAGE, f"longer than {MAX_PACKET_BYTES} bytes")
            message = m.understand(data)
            # Read whole, so it is flat JSON: onto the record as it came, on one line.
            packet = shown(data) if b"\n" in data else msgspec.Raw(data)
            result = self._carry_out(client.role, message)
        except m.BadMessage as exc:
            self._bad_packets += 1
            packet = shown(data)
            result = self._desk.refuse(client.role, exc)
        self._record.hold(
            sent_ns=sent_ns,
            read_ns=read_ns,
            peer_pid=client.pid,
            msg=packet,
            outcome=result.outcome,
            no_stamp=no_stamp,
            detail=result.detail,
        )
        if result.role == "feed" != client.role and self.player.ended:
            result.to_sender.append(ev.End(self.player.next_row))
        client.role = result.role
        answers += [(client, event) for event in result.to_sender]
        answers += [(None, event) for event in result.to_traders]
        more = result.to_traders[1:]  # the first is what the packet asked for
        if self._late and self.player.ended:
            more += (late := self._desk.book.no_more_rows())
            answers += [(None, event) for event in late]
        if more:
            self._note(more, cause="packet")

    def _carry_out(self, role: str | None, message: m.Message) -> Result:
        """Have the desk do it, unless a test wants the request or its answer to get lost."""
        if self._mischief.idle or role != "trade":
            return self._desk.handle(role, message)
        fault = self._mischief.meets(message)
        if fault == LOST:
            return Result("lost", role, unknown(message))
        result = self._desk.handle(role, message)
        if fault is not None:
            result.to_sender, result.to_traders = unknown(message), []
        return result

    def _deliver(self, target: Client | None, event: ev.Ev) -> None:
        """Tell one client, or (None) every trader, unless a test wants it garbled."""
        if self._mischief.idle:
            self._send(target, event)
            return
        for told in self._mischief.pass_on(target, event):
            self._send(*told)

    def _send(self, target: Client | None, event: ev.Ev) -> None:
        if target is None:
            self.clients.tell("trade", [event])
        else:
            self.clients.post(target, event)

    # Time and rows

    def _notice_clock_step(self) -> None:
        steps = self._offset.steps
        self._offset.sample()
        if self._offset.steps != steps:
            self._record.write("clock_step", mono_ns=time.monotonic_ns())
            # What is queued now cannot be dated; what comes after these reads can.
            for client in self.clients:
                self._read(client)

    def _play(self, row: Row, packet: bytes) -> None:
        self.clients.offer(packet)
        if not self._desk.maintenance:
            self._account_events(self._desk.book.on_row(row), row=row.number)

    def _end(self) -> None:
        rows = self.player.next_row
        self._record.write("end", rows=rows, mono_ns=time.monotonic_ns())
        self.clients.tell("feed", [ev.End(rows)])

    def _account_events(self, events: Sequence[ev.Ev], **why: int | str) -> None:
        """What no packet asked for: onto the record with its row or cause, then to the traders."""
        self._note(events, **why)
        for event in events:
            self._deliver(None, event)

    def _note(self, events: Sequence[ev.Ev], **why: int | str) -> None:
        for event in events:
            fields = msgspec.structs.asdict(event)
            kind = event.__struct_config__.tag
            self._record.write(str(kind), **why, mono_ns=time.monotonic_ns(), **fields)
