"""The forecast page: whole or not at all; and its age, by a clock of our own."""

import math
import mmap
import multiprocessing
import os
import socket
from pathlib import Path

import pytest
from host.hotpath.words import Words
from hypothesis import given
from hypothesis import strategies as st

from host import forecast, layout, shm
from host.engine.forecasts import MOST_ROWS, NEVER_S, Forecasts
from host.forecast import Forecast

SECOND = 1_000_000_000
GOOD = Forecast(7, 0.05, 1.2, 0.031, 0.043, 3, 0)


def words() -> Words:
    return Words(bytearray(layout.HEAD_BYTES), True)


@given(st.floats(1e-9, 1e9), st.floats(-50, 50), st.floats(1e-9, 0.5), st.integers(1, 2**62))
def test_what_is_published_is_read(sigma: float, mean: float, var: float, now_ns: int) -> None:
    page, told = (
        words(),
        GOOD._replace(mean_pct=mean, sigma_pct=sigma, var_share=var, cvar_share=0.6),
    )
    forecast.publish(page, told, now_ns)
    assert forecast.read(page, now_ns) == (told, now_ns)
    assert forecast.read(page, now_ns - 1) is None, "from the future"


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0])
@pytest.mark.parametrize("field", ["sigma_pct", "var_share", "cvar_share"])
def test_what_only_looks_like_a_forecast_is_none(field: str, bad: float) -> None:
    page = words()
    forecast.publish(page, GOOD._replace(**{field: bad}), 1)
    assert forecast.read(page, SECOND) is None


def test_nothing_written_and_a_write_that_was_cut_off_read_as_none_until_the_next() -> None:
    page = words()
    assert forecast.read(page, SECOND) is None
    forecast.publish(page, GOOD, 1)
    page.store(layout.FORECAST, page.load(layout.FORECAST) + 1)  # killed in the middle
    assert forecast.read(page, SECOND) is None
    forecast.publish(page, GOOD, 2)
    assert forecast.read(page, SECOND) == (GOOD, 2)


def write_for_ever(fd: int) -> None:
    page = shm.Page(fd, mmap.mmap(fd, layout.PAGE_BYTES), writable=True)
    number = 0
    while True:
        number += 1
        forecast.publish(page.words, Forecast(number, number, number, 0.1, 0.1, number, 0), number)


def test_a_reader_never_sees_half_of_one_and_half_of_another() -> None:
    fd = os.memfd_create("page")
    os.ftruncate(fd, layout.PAGE_BYTES)
    page = shm.Page(fd, mmap.mmap(fd, layout.PAGE_BYTES), writable=True)
    writer = multiprocessing.get_context("fork").Process(
        target=write_for_ever, args=(fd,), daemon=True
    )
    writer.start()
    try:
        found = [forecast.read(page.words, SECOND) for _ in range(100_000)]
    finally:
        writer.kill()
        writer.join()
    whole = [each for each in found if each is not None]
    distinct = {at for _told, at in whole}
    print(f"{len(whole)} of {len(found)} reads, {len(distinct)} distinct, none torn")
    assert all({told.row, told.mean_pct, told.sigma_pct, told.fits} == {at} for told, at in whole)
    assert len(distinct) > 10


class Listener:
    """Stands for the modeller: hands a page of its own over."""

    def __init__(self, run_dir: Path) -> None:
        self.page = shm.create(layout.KIND_MODELLER, "modeller")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = run_dir / forecast.SOCKET
        path.unlink(missing_ok=True)
        self.sock.bind(str(path))
        self.sock.listen(1)
        self.reader: socket.socket | None = None

    def accept(self) -> None:
        self.reader, _address = self.sock.accept()
        shm.send_fds(self.reader, b"forecast", [self.page.fd])

    def close(self) -> None:
        self.sock.close()
        if self.reader is not None:
            self.reader.close()
        self.page.close()


def test_age_is_what_the_engine_knows_and_the_forecast_does_not(tmp_path: Path) -> None:
    ours, at = Forecasts(tmp_path), 100 * SECOND
    assert ours.look(at) == NEVER_S  # nobody listens there
    theirs = Listener(tmp_path)
    assert ours.look(at + SECOND) == NEVER_S
    theirs.accept()
    assert ours.look(at + SECOND) == NEVER_S  # a page without a forecast
    for row in range(5, 9):
        ours.seen(row, at + row * SECOND)
    forecast.publish(theirs.page.words, GOOD, at + 8 * SECOND)  # includes row 7, not row 8
    assert ours.look(at + 8 * SECOND) == 0.0
    assert ours.look(at + 9 * SECOND) == 1.0
    forecast.publish(
        theirs.page.words, GOOD, at + 20 * SECOND
    )  # confirmed, and still without row 8
    assert ours.look(at + 20 * SECOND) == 12.0
    forecast.publish(theirs.page.words, GOOD._replace(row=8), at + 20 * SECOND)
    assert ours.look(at + 20 * SECOND) == 0.0
    assert ours.look(at + 86_420 * SECOND) == 86_400.0  # no new bar for a day, and nobody confirms
    assert ours.last is not None
    assert ours.last.row == 8
    theirs.close()
    ours.close()


def test_a_modeller_that_left_is_reached_again_and_its_last_word_grows_old(tmp_path: Path) -> None:
    ours, first = Forecasts(tmp_path), Listener(tmp_path)
    ours.look(SECOND)
    first.accept()
    forecast.publish(first.page.words, GOOD, SECOND)
    assert ours.look(2 * SECOND) == 1.0
    first.close()
    assert ours.look(3 * SECOND) == 2.0
    second = Listener(tmp_path)
    ours.look(4 * SECOND)
    second.accept()
    assert ours.look(5 * SECOND) == 4.0
    forecast.publish(second.page.words, GOOD, 5 * SECOND)
    assert ours.look(5 * SECOND) == 0.0
    second.close()
    ours.close()


def test_rows_that_nobody_takes_stay_few_and_the_first_of_them_counts(tmp_path: Path) -> None:
    ours, theirs = Forecasts(tmp_path), Listener(tmp_path)
    ours.look(SECOND)
    theirs.accept()
    for row in range(8, 8 + 3 * MOST_ROWS):
        ours.seen(row, SECOND + row)
    end_ns = 10 * SECOND
    forecast.publish(theirs.page.words, GOOD, end_ns)
    assert ours.look(end_ns) == (end_ns - SECOND - 8) / 1e9
    theirs.close()
    ours.close()


def test_a_page_of_another_kind_is_not_taken(tmp_path: Path) -> None:
    ours, theirs = Forecasts(tmp_path), Listener(tmp_path)
    theirs.page.close()
    theirs.page = shm.create(layout.KIND_ENGINE, "engine")
    ours.look(SECOND)
    theirs.accept()
    forecast.publish(theirs.page.words, GOOD, SECOND)
    assert ours.look(SECOND) == NEVER_S
    theirs.close()
    ours.close()
