"""Alerts reach a webhook and a mail server; what does not arrive comes back for the log."""

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest

from host.alerts import CRITICAL, WARNING, Deliverer, from_record
from host.config import Alerts

BAD = {"code": "LADDER_OVERDUE", "venue": "paper"}


class Hook:
    """A web server that keeps what is posted and answers with `status`."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                """Keep quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


class MailHandler(socketserver.StreamRequestHandler):
    """As much of a mail server as takes one message."""

    letters: list[str] = []

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += self.rfile.readline()
                self.letters.append(text.decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


def wait_for(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def collected(deliverer: Deliverer, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    wait_for(lambda: found.extend(deliverer.failures()) or len(found) >= count)
    return found


@pytest.mark.parametrize(
    ("kind", "data", "wanted"),
    [
        ("alert", BAD, (CRITICAL, "LADDER_OVERDUE")),
        ("mode", {"mode": "EMERGENCY", "reason": "HALT_LINE"}, (CRITICAL, "EMERGENCY_HALT_LINE")),
        ("mode", {"mode": "PAUSED", "reason": "FEED_LOST"}, (WARNING, "PAUSED_FEED_LOST")),
        ("mode", {"mode": "PAUSED", "reason": "REARMED"}, None),
        ("mode", {"mode": "NORMAL", "reason": "CONDITIONS_HELD"}, None),
        ("lost_events", {"count": 3}, (WARNING, "lost_events")),
        ("fill", {"id": "x"}, None),
    ],
)
def test_which_records_are_alerts(kind: str, data: dict, wanted: tuple | None) -> None:
    alert = from_record(kind, "engine", data, "pi")
    assert (alert and (alert.priority, alert.what)) == wanted


def test_a_webhook_gets_one_object_and_the_journal_one_line(
    hook: Hook, capsys: pytest.CaptureFixture
) -> None:
    deliverer = Deliverer(Alerts(webhook_url=hook.url), "pi")
    deliverer.take("alert", "engine", BAD)
    deliverer.take("fill", "engine", {})
    wait_for(lambda: hook.got)
    deliverer.close()
    assert deliverer.failures() == []
    (got,) = hook.got
    assert (got["what"], got["host"], got["data"]) == ("LADDER_OVERDUE", "pi", BAD)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("<2>bot4 alert {")


def test_without_a_way_the_journal_is_all(capsys: pytest.CaptureFixture) -> None:
    deliverer = Deliverer(Alerts(), "pi")
    deliverer.take("alert", "engine", BAD)
    deliverer.close()
    assert deliverer.failures() == []
    assert "LADDER_OVERDUE" in capsys.readouterr().err


def test_a_mail_is_sent_to_everybody() -> None:
    MailHandler.letters.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailHandler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wanted = Alerts(
            smtp_host="127.0.0.1",
            smtp_port=server.server_address[1],
            mail_from="bot4@pi",
            mail_to=["a@x", "b@x"],
        )
        deliverer = Deliverer(wanted, "pi")
        deliverer.take("alert", "engine", BAD)
        wait_for(lambda: MailHandler.letters)
        deliverer.close()
        server.shutdown()
    assert deliverer.failures() == []
    (letter,) = MailHandler.letters
    assert "To: a@x, b@x" in letter
    assert "Subject: bot4 pi: LADDER_OVERDUE" in letter


def refused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize("how", ["refused", "silent", "error 500"])
def test_what_cannot_be_delivered_comes_back_and_nobody_waits(hook: Hook, how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = {"refused": refused_port(), "silent": silent.getsockname()[1]}.get(how)
        hook.status = 500
        url = hook.url if port is None else f"http://127.0.0.1:{port}/"
        deliverer = Deliverer(Alerts(webhook_url=url, timeout_s=0.3), "pi")
        begun = time.monotonic()
        deliverer.take("alert", "engine", BAD)
        assert time.monotonic() - begun < 0.1
        (failure,) = collected(deliverer, 1)
        deliverer.close()
    assert (failure["what"], failure["way"]) == ("LADDER_OVERDUE", "webhook")
    assert failure["why"]


def test_a_flood_is_suppressed_on_record(hook: Hook) -> None:
    deliverer = Deliverer(Alerts(webhook_url=hook.url, most_per_minute=3), "pi")
    for _ in range(10):
        deliverer.take("alert", "engine", BAD)
    failures = collected(deliverer, 7)
    wait_for(lambda: len(hook.got) == 3)
    deliverer.close()
    assert len(failures) == 7
    assert {failure["why"] for failure in failures} == {"suppressed: too many alerts"}


def test_an_end_with_alerts_waiting_is_quick_and_loses_none_from_the_record() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        deliverer = Deliverer(Alerts(webhook_url=url, timeout_s=0.3), "pi")
        for _ in range(5):
            deliverer.take("alert", "engine", BAD)
        begun = time.monotonic()
        deliverer.close()
        assert time.monotonic() - begun < 2.0
        failures = collected(deliverer, 5)
    assert len(failures) == 5
    assert msgspec.json.encode(failures)
