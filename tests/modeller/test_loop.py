"""The modeller against a venue and fitters of the test: what it says, and when it stops saying it."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from host import forecast
from host.config import Modeller as Settings
from host.engine.forecasts import NEVER_S, Forecasts
from host.modeller.loop import FITTER, Modeller

SETTINGS = Settings(least_bars=150, window_bars=300, refit_bars=20, refit_s=0.1, max_fit_age_s=1.5)
# Answers with a fit to the first request, and as ARGUMENT says to the others.
SCRIPT = """
import os, socket, sys, time, msgspec
from host.modeller.fitter import fit, Request, PACKET_BYTES
sock, after = socket.socket(fileno=int(sys.argv[2])), sys.argv[1]
for number in range(10**6):
    packet = sock.recv(PACKET_BYTES)
    if not packet or (number and after == "dies"):
        break
    if number and after == "hangs":
        time.sleep(1e6)
    if number and after == "fails" or after == "never":
        sock.send(b'{"error":"a test"}')
    else:
        sock.send(msgspec.json.encode(fit(msgspec.json.decode(packet, type=Request))))
"""


class Feed:
    """A venue that sends a bar every 2 ms: a random walk, and nothing else."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self.row = 0
        self.silent = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        random, price = np.random.default_rng(3), 100.0
        self._listener.settimeout(10)
        client, _address = self._listener.accept()
        client.sendall(msgspec.json.encode({"ev": "welcome"}))
        with contextlib.suppress(OSError):
            while not self._stop.wait(0.002):
                if not self.silent:
                    price *= float(np.exp(0.01 * random.standard_t(5)))
                    event = {"ev": "bar", "row": self.row, "time_ns": self.row, "close": price}
                    client.sendall(msgspec.json.encode(event))
                    self.row += 1
        client.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._listener.close()


@contextlib.contextmanager
def modelling(room: Path, *fitter: str) -> Iterator[tuple[Forecasts, Feed, Modeller]]:
    """Run a modeller in a thread of this process."""
    feed = Feed(room / "venue")
    made = Modeller(room, str(room / "venue"), SETTINGS, fitter or FITTER)
    thread = threading.Thread(target=made.run)
    thread.start()
    forecasts = Forecasts(room)
    try:
        yield forecasts, feed, made
    finally:
        made.running = False
        thread.join()
        made.close()
        forecasts.close()
        feed.close()


def scripted(after: str) -> tuple[str, ...]:
    return sys.executable, "-c", SCRIPT, after


def wait(forecasts: Forecasts, most_s: float, what, patience_s: float = 20.0) -> float:
    """Wait until what(age, last) holds; return the age."""
    deadline = time.monotonic() + patience_s
    while True:
        age_s = forecasts.look(time.monotonic_ns())
        if what(age_s, forecasts.last):
            return age_s
        assert time.monotonic() < deadline, (age_s, forecasts.last)
        time.sleep(most_s)


def test_it_fits_again_and_again_and_every_row_is_in_the_forecast(tmp_path: Path) -> None:
    with modelling(tmp_path) as (forecasts, feed, _made):
        wait(forecasts, 0.01, lambda _age, last: last is not None and last.fits >= 3)
        assert forecasts.last is not None
        assert 0.3 < forecasts.last.sigma_pct < 5
        # 2.65 and 3.69 times sigma, upward in simple returns.
        assert forecasts.last.var_share == pytest.approx(0.0265 * forecasts.last.sigma_pct, rel=0.1)
        before = feed.row
        wait(forecasts, 0.001, lambda _age, last: last.row >= before)
    assert forecasts.last.failures == 0


@pytest.mark.parametrize("after", ["fails", "hangs", "dies"])
def test_a_failed_fit_keeps_the_one_before_until_it_is_too_old(tmp_path: Path, after: str) -> None:
    with modelling(tmp_path, *scripted(after)) as (forecasts, feed, _made):
        wait(forecasts, 0.005, lambda age, _last: age < 1)
        begun = time.monotonic()
        row = feed.row + 20
        wait(forecasts, 0.001, lambda age, last: age < 1 and last.row >= row)  # it goes on by it
        if after == "dies":
            # Each new child answers once, so that fits go on coming: death is no end of it.
            wait(forecasts, 0.01, lambda _age, last: last.fits >= 2)
            return
        age_s = wait(forecasts, 0.01, lambda age, _last: age > 0.5)
        stood_s = time.monotonic() - begun
        print(f"{after}: confirmed for {stood_s - age_s:.2f} s of {SETTINGS.max_fit_age_s} s")
        assert stood_s >= SETTINGS.max_fit_age_s - 0.5
        assert forecasts.last.failures > 0 or after == "hangs"


def test_without_any_fit_there_is_no_forecast(tmp_path: Path) -> None:
    with modelling(tmp_path, *scripted("never")) as (forecasts, feed, made):
        deadline = time.monotonic() + 10
        while made._failures < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert forecasts.look(time.monotonic_ns()) == NEVER_S
        assert forecasts.last is None
        assert forecast.read(made.page.words, time.monotonic_ns()) is None


def test_a_feed_that_is_gone_confirms_nothing_and_one_that_says_nothing_does(
    tmp_path: Path,
) -> None:
    with modelling(tmp_path) as (forecasts, feed, _made):
        wait(forecasts, 0.005, lambda age, _last: age < 1)
        feed.silent = True
        time.sleep(0.5)
        assert (
            forecasts.look(time.monotonic_ns()) < 0.4
        )  # no new bar: the forecast is as good as ever
        feed.close()
        wait(forecasts, 0.01, lambda age, _last: age > 0.5)
