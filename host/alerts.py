"""Alerts: which records want a person, and how they reach one.

The audit log has every alert before anybody is told. Then: one line on stderr in systemd's form
(`<2>` is critical, so the journal keeps the priority), a POST to a webhook, an e-mail. Deliveries
run in a thread of the recorder, a process that may block; each failure goes back into the log.
"""

import contextlib
import json
import queue
import smtplib
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from host.config import Alerts

CRITICAL, WARNING = 2, 4
# Alerts that wait for delivery; a flood above it is on record as suppressed.
MOST_WAITING = 256
MINUTE_S = 60.0
# Kinds of records that are alerts by themselves, with the priority of each.
BY_KIND = {
    "alert": CRITICAL,
    "lost_events": WARNING,
    "venue_lost": WARNING,
    "rearm_refused": WARNING,
}


@dataclass(frozen=True)
class Alert:
    """One alert. `data` is that of the record it was made from."""

    priority: int
    what: str
    origin: str
    host: str
    wall_s: float
    data: dict[str, Any]

    def text(self) -> str:
        """Return the one JSON object that every way of delivery carries."""
        return json.dumps(vars(self), default=str, separators=(",", ":"))


def from_record(kind: str, origin: str, data: dict[str, Any], host: str) -> Alert | None:
    """Return the alert that a record calls for, or None."""
    priority, what = BY_KIND.get(kind), str(data.get("code", kind))
    if kind == "mode" and data["mode"] in ("EMERGENCY", "PAUSED") and data["reason"] != "REARMED":
        priority = CRITICAL if data["mode"] == "EMERGENCY" else WARNING
        what = f"{data['mode']}_{data['reason']}"
    if priority is None:
        return None
    return Alert(priority, what, origin, host, time.time(), data)


def journal(alert: Alert) -> None:
    """Print one line in the form of sd-daemon(3)."""
    with contextlib.suppress(OSError):  # a full disk behind stderr must not end the recorder
        print(f"<{alert.priority}>bot4 alert {alert.text()}", file=sys.stderr, flush=True)


class Deliverer:
    """Takes alerts without waiting; `results` gives what became of those that failed."""

    def __init__(self, wanted: Alerts, host: str) -> None:
        self._host = host
        self._wanted = wanted
        self._ways: list[tuple[str, Callable[[Alert], None]]] = []
        if wanted.webhook_url:
            self._ways.append(("webhook", self._post))
        if wanted.smtp_host:
            self._ways.append(("mail", self._mail))
        self._waiting: queue.Queue[Alert | None] = queue.Queue(MOST_WAITING)
        self._failed: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._recent: deque[float] = deque()
        self._thread = threading.Thread(target=self._deliver, name="alerts", daemon=True)
        if self._ways:
            self._thread.start()

    def take(self, kind: str, origin: str, data: dict[str, Any]) -> None:
        """Look at a record that was appended to the log, and pass on the alert that it calls for."""
        alert = from_record(kind, origin, data, self._host)
        if alert is None:
            return
        journal(alert)
        if not self._ways:
            return
        now_s = time.monotonic()
        while self._recent and now_s - self._recent[0] > MINUTE_S:
            self._recent.popleft()
        if len(self._recent) >= self._wanted.most_per_minute or self._waiting.full():
            self._fail(alert, "all", "suppressed: too many alerts")
            return
        self._recent.append(now_s)
        self._waiting.put_nowait(alert)

    def failures(self) -> list[dict[str, Any]]:
        """Return what could not be delivered since the last call."""
        found = []
        while not self._failed.empty():
            found.append(self._failed.get_nowait())
        return found

    def close(self) -> None:
        """Try what waits, for one timeout at most; what remains is a failure."""
        if not self._ways:
            return
        deadline = time.monotonic() + self._wanted.timeout_s
        while not self._waiting.empty() and time.monotonic() < deadline:
            time.sleep(0.01)
        rest = []
        while not self._waiting.empty():
            rest.append(self._waiting.get_nowait())
        for alert in filter(None, rest):
            self._fail(alert, "all", "the host has ended")
        self._waiting.put_nowait(None)
        self._thread.join(max(0.0, deadline - time.monotonic()))

    def _fail(self, alert: Alert, way: str, why: str) -> None:
        self._failed.put({"what": alert.what, "way": way, "why": why[:200]})

    def _deliver(self) -> None:
        while (alert := self._waiting.get()) is not None:
            for way, deliver in self._ways:
                try:
                    deliver(alert)
                except (OSError, ValueError, smtplib.SMTPException) as error:
                    self._fail(alert, way, f"{type(error).__name__}: {error}")

    def _post(self, alert: Alert) -> None:
        request = urllib.request.Request(
            self._wanted.webhook_url,
            data=alert.text().encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=self._wanted.timeout_s) as answer:
            answer.read(1024)

    def _mail(self, alert: Alert) -> None:
        message = EmailMessage()
        message["Subject"] = f"bot4 {alert.host}: {alert.what}"
        message["From"] = self._wanted.mail_from
        message["To"] = ", ".join(self._wanted.mail_to)
        message.set_content(alert.text())
        wanted = self._wanted
        with smtplib.SMTP(wanted.smtp_host, wanted.smtp_port, timeout=wanted.timeout_s) as server:
            server.send_message(message)
