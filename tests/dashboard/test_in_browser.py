"""The page in a real browser: it says nothing on the console, everybody can read it, it follows a press.

What it shows of the press is compared with the capture of the wires, which knows nothing of the page.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.latency import Press, find_presses
from tests.chromium import chromium, violations
from tests.dashboard.kit import Dashboard, Host, a_day, dashboard
from tests.integration.kit import Trading, trading

VIEWS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]
UNITS_US = {"µs": 1.0, "ms": 1e3, "s": 1e6}
# The page may be as old as the reader's look, the guard's answer and the browser's turn together.
PATIENCE_S = 20.0
# us. The hub stamps an edge a little after it was driven; the page rounds.
STAMP_US = 1_000.0
TRIES = 8
# s. In which a page that is live shows a mode that stands.
SHOWN_S = 5.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of a host that stands still, with a trip, an alert, orders and money on record."""
    with Host(tmp_path_factory.mktemp("host")) as host:
        a_day(host)
        host.record("alert", "engine", code="DUST_LEFT", venue="paper")
        host.record("gate_closed", emergency_ns=1, ack_ns=2, since_emergency_us=61, waited_us=4,
                    forced=False, lifted=0, reason="HALT_LINE")  # fmt: skip
        host.record("mode", mode="EMERGENCY", reason="HALT_LINE", epoch=5, detail="", was="NONE")
        with dashboard("--run-dir", str(host.run_dir), "--audit-dir", str(host.audit)) as running:
            running.page("DUST_LEFT")
            yield running


def until(page: Any, holds: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until an expression holds; playwright's own way is what the page's policy forbids."""
    deadline = time.monotonic() + timeout_s
    while not page.evaluate(holds):
        assert time.monotonic() < deadline, f"{holds}\n{page.inner_text('body')}"
        page.wait_for_timeout(50)


def opened(browser: Any, shown: Dashboard, **options: Any) -> tuple[Any, list[str]]:
    """Return a page that is live, and what it asked for and complained of."""
    said: list[str] = []
    page = browser.new_context(**options).new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(f"http://localhost:{shown.port}/")
    until(page, "document.getElementById('live').textContent === 'live'")
    return page, said


@pytest.mark.parametrize(("scheme", "width"), VIEWS)
def test_it_asks_for_its_own_files_alone_and_fits(
    browser: Any, shown: Dashboard, tmp_path: Path, scheme: str, width: int
) -> None:
    view = {"width": width, "height": 900}
    page, said = opened(browser, shown, viewport=view, color_scheme=scheme)
    until(page, "document.title.startsWith('NORMAL')")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("section").count() == 12
    # In one go: the panel may be drawn anew between two questions.
    assert page.evaluate("document.querySelector('svg.line').getBoundingClientRect().height") > 80
    assert len(page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)) > 30_000
    own = f"http://localhost:{shown.port}/"
    needed = {own + name for name in ("", "page.css", "page.js", "events")}
    assert set(said) - {own + "icon.svg"} == needed
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), VIEWS)
def test_everybody_can_read_it(browser: Any, shown: Dashboard, scheme: str, width: int) -> None:
    view = {"width": width, "height": 900}
    # The policy keeps axe out as it keeps everything out.
    page, _said = opened(browser, shown, viewport=view, color_scheme=scheme, bypass_csp=True)
    assert violations(page) == []
    page.context.close()


def test_what_people_cannot_read_would_be_found(browser: Any) -> None:
    page = browser.new_page()
    page.set_content("<img src=x><p style='color:#aaa;background:#fff'>hardly to be seen</p>")
    assert {found.split(":")[0] for found in violations(page)} >= {"image-alt", "color-contrast"}
    page.close()


def test_a_script_that_came_in_by_a_text_would_not_run(browser: Any, shown: Dashboard) -> None:
    page, said = opened(browser, shown)
    run = "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.ran=1>')"
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate(run)
    page.evaluate("document.body.append(document.createElement('script'))")
    assert page.evaluate("window.ran === undefined")
    assert said
    page.context.close()


def test_without_scripts_the_page_is_complete(browser: Any, shown: Dashboard) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"http://localhost:{shown.port}/")
    assert "NORMAL" in page.inner_text("#mode")
    assert "61 µs" in page.inner_text("#trips")
    page.context.close()


def test_a_connection_that_is_lost_is_said(browser: Any, tmp_path: Path) -> None:
    with Host(tmp_path) as host:
        a_day(host)
        with dashboard("--run-dir", str(host.run_dir), "--audit-dir", str(host.audit)) as running:
            running.page("CONDITIONS_HELD")
            page, _said = opened(browser, running)
        until(page, "document.body.classList.contains('stale')")
        assert "no connection" in page.inner_text("#live")
        page.context.close()


# -- a press, live ---------------------------------------------------------------------------


def fact(page: Any, panel: str, name: str) -> str:
    """Return the value that stands beside a name."""
    found = page.locator(f"#{panel} dt", has_text=re.compile(f"^{re.escape(name)}$"))
    return found.locator("xpath=following-sibling::dd").inner_text()


def microseconds(shown: str) -> float:
    value, unit = shown.split()
    return float(value.replace(",", "")) * UNITS_US[unit]


def says(page: Any, mode: str, timeout_s: float) -> bool:
    """Return True once the page says so; it does not where a loaded machine has halted first."""
    deadline = time.monotonic() + timeout_s
    while not page.title().startswith(mode) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    return bool(page.title().startswith(mode))


def press_while_it_trades(kit: Trading, page: Any) -> list[str]:
    """Press while the page says NORMAL; return its row. What the machine did by itself is no press."""
    for _ in range(TRIES):
        if not says(page, "NORMAL", SHOWN_S):
            kit.rearm()
            continue
        kit.press()
        assert says(page, "EMERGENCY", PATIENCE_S)
        # The guard says it before the log: the trip that nobody has ended yet is this one.
        until(page, "/not/.test(document.querySelector('#trips tbody tr')?.cells[7].textContent)")
        cells: list[str] = page.locator("#trips tbody tr").first.locator("td").all_inner_texts()
        if cells[1].split(":")[0] in ("HALT_LINE", "CONTROLLER_TRIP", "CONTROLLER_STATUS"):
            return cells
        kit.rearm()
    raise AssertionError(f"the machine halted before each of {TRIES} presses")


def as_the_capture_has_it(press: Press, cells: list[str], now_ns: int) -> None:
    """Compare one row of the trips with one press on the wires."""
    when = re.search(r"\d\d:\d\d:\d\d", cells[0])
    assert when is not None
    pressed_s = (now_ns - (time.monotonic_ns() - press.t_switch_ns)) / 1e9
    pressed = datetime.datetime.fromtimestamp(pressed_s, datetime.UTC)
    told = datetime.time.fromisoformat(when[0])
    told_s = datetime.datetime.combine(pressed.date(), told, datetime.UTC).timestamp()
    assert abs(told_s - pressed_s) < 3  # to the second, and the log is written a little later
    assert press.switch_to_ack_us is not None
    assert microseconds(cells[3]) <= press.switch_to_ack_us + STAMP_US
    # The controller sees ACK after the hub has passed it on, and let HALT fall before that.
    assert press.halt_to_ack_us is not None
    assert microseconds(cells[5]) >= press.halt_to_ack_us - STAMP_US


@pytest.mark.parametrize(
    ("at", "cell"), [(0, "00:00:01 UTC"), (3, "900.00 ms"), (5, "1 µs"), (None, "")]
)
def test_a_row_that_is_not_as_the_capture_has_it_would_be_found(at: int | None, cell: str) -> None:
    now_ns = 1_795_399_200 * 10**9  # 02:00 UTC
    press = Press(time.monotonic_ns(), time.monotonic_ns() + 10**5, time.monotonic_ns() + 5 * 10**6)
    shown = datetime.datetime.fromtimestamp(now_ns // 10**9, datetime.UTC)
    cells = [f"{shown:%H:%M:%S} UTC, 0 s ago", "HALT_LINE", "SWITCH_A", "61 µs", "4 µs", "5.10 ms"]
    if at is None:
        as_the_capture_has_it(press, cells, now_ns)
        return
    cells[at] = cell
    with pytest.raises(AssertionError):
        as_the_capture_has_it(press, cells, now_ns)


def test_a_press_is_followed_live_and_shown_as_the_capture_has_it(
    browser: Any, tmp_path: Path
) -> None:
    with (
        trading(tmp_path / "bench") as kit,
        dashboard("--run-dir", str(kit.bench.run_dir)) as running,
    ):
        page, _said = opened(browser, running)
        cells = press_while_it_trades(kit, page)
        until(
            page,
            "document.getElementById('wires').textContent.includes('open: pressed')",
        )
        row = "document.querySelector('#trips tbody tr').cells"
        until(page, f"![3, 5].some(at => {row}[at].textContent === 'not known')")
        page.screenshot(path=tmp_path / "pressed.png", full_page=True)
        capture, now_ns = kit.bench.capture(), time.time_ns()
        cells = page.locator("#trips tbody tr").first.locator("td").all_inner_texts()
        presses = find_presses(capture)
        as_the_capture_has_it(presses[-1], cells, now_ns)
        end_ns = capture.end_ns
        for line in ("HALT", "ACK"):
            level = "high" if capture.level_before(line, end_ns) else "low"
            assert fact(page, "wires", line).startswith(level)
        for name in ("red", "yellow", "green"):
            lit = "lit" if capture.level_before(f"LED_{name.upper()}", end_ns) else "dark"
            assert f"{name} {lit}" in fact(page, "wires", "LEDs")
        for _ in range(TRIES):
            kit.rearm()
            if says(page, "NORMAL", SHOWN_S):
                break
        assert fact(page, "wires", "HALT").startswith("high")
        page.context.close()
