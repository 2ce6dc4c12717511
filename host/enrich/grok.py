"""One request to the API, and what became of it. No answer of a peer raises anything here."""

import asyncio
import contextlib
import email.utils
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import httpx2
import msgspec
import openai

from host.enrich import http
from host.enrich.settings import Enrichment

MOST_RETRY_AFTER_S = 3600.0
MOST_TICKS = 10**18
# Statuses that the API sends before it has done any work.
NOT_BILLED = (400, 401, 403, 404, 405, 409, 413, 422, 429)


class NoKey(ValueError):
    """The API's key cannot be had; the text says where it was looked for."""


def read_key(settings: Enrichment) -> str:
    """Return the API's key. Raises NoKey."""
    key = os.environ.get(settings.key_env, "").strip()
    path = Path(settings.key_file).expanduser()
    if not key:
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
                    raise NoKey(f"{path}: others may read it: chmod 600")
                if status.st_uid not in (os.getuid(), 0):
                    raise NoKey(f"{path}: belongs to somebody else")
                key = file.read(4096).decode(errors="replace").strip()
        except OSError as error:
            raise NoKey(f"{settings.key_env} is not set, and {path}: {error.strerror}") from None
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise NoKey(f"neither {settings.key_env} nor {path} holds a key")
    return key


class ApiClock:
    """The API's clock: its last Date, and what CLOCK_BOOTTIME has counted since.

    This machine's wall clock may be wrong or step; months and ages follow the API's.
    """

    def __init__(
        self, boot_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    ):
        self._boot_s = boot_s
        self._offset_s: float | None = None

    def heard(self, headers: httpx2.Headers) -> None:
        """Take the Date of an answer; nothing without a usable one."""
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            date = email.utils.parsedate_to_datetime(headers.get("date", ""))
            if date.tzinfo is not None and 2020 <= date.year < 2100:
                self._offset_s = date.timestamp() - self._boot_s()

    def now_s(self) -> int | None:
        """Return unix seconds, or None before anything was heard."""
        return None if self._offset_s is None else int(self._offset_s + self._boot_s())


Billed = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Answer:
    """What became of one request. `failure` is empty when `content` is to be used.

    cost_ticks -- None where the API has not said it
    """

    content: str = ""
    failure: str = ""
    billed: Billed = "yes"
    again: bool = False
    retry_after_s: float = 0.0
    cost_ticks: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    latency_ms: float = 0.0


class _Details(msgspec.Struct):
    cached_tokens: int = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_in_usd_ticks: int | None = None
    prompt_tokens_details: _Details | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None


class _Bill(msgspec.Struct):
    """All that is wanted of an answer that cannot be used otherwise."""

    usage: _Usage


class Grok:
    """The API behind `base_url`, through the official client of its dialect."""

    def __init__(self, settings: Enrichment, key: str, clock: ApiClock) -> None:
        self.clock = clock
        self._deadline_s = settings.deadline_s
        self._base_url = settings.base_url
        self._http = http.client(settings.deadline_s)
        self._client = openai.AsyncOpenAI(
            api_key=key, base_url=settings.base_url, max_retries=0, http_client=self._http
        )

    async def ask(self, body: dict[str, Any], idempotency: str) -> Answer:
        """Send one request and return what became of it, within the deadline."""
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(self._deadline_s):
                raw = await self._client.chat.completions.with_raw_response.create(
                    **body, extra_headers={"Idempotency-Key": idempotency}
                )
        except (TimeoutError, openai.APITimeoutError):
            answer = Answer(failure="TIMEOUT", billed="unknown", again=True)
        except openai.APIConnectionError as error:
            unsent = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            answer = Answer(failure="CONNECTION", billed="no" if unsent else "unknown", again=True)
        except openai.APIStatusError as error:
            self.clock.heard(error.response.headers)
            answer = _of_status(error.status_code, error.response.headers)
        except (openai.OpenAIError, httpx2.HTTPError, ValueError, RecursionError):
            answer = Answer(failure="CONNECTION", billed="unknown", again=True)
        else:
            self.clock.heard(raw.headers)
            answer = read(raw.content)
        return replace(answer, latency_ms=1000 * (time.monotonic() - began_s))

    async def look_at_clock(self) -> bool:
        """Hear the API's clock without asking for anything; True when there is one now."""
        with contextlib.suppress(httpx2.HTTPError, TimeoutError):
            async with asyncio.timeout(self._deadline_s):
                async with self._http.stream("HEAD", self._base_url) as response:
                    self.clock.heard(response.headers)
        return self.clock.now_s() is not None

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _of_status(status: int, headers: httpx2.Headers) -> Answer:
    try:
        retry_after_s = float(headers.get("retry-after", "0"))
    except ValueError:
        retry_after_s = 0.0
    if not 0 <= retry_after_s <= MOST_RETRY_AFTER_S:
        retry_after_s = MOST_RETRY_AFTER_S if retry_after_s > 0 else 0.0
    billed: Billed = "no" if status in NOT_BILLED else "unknown"
    again = status in (408, 409, 429) or status >= 500
    return Answer(failure=f"HTTP_{status}", billed=billed, again=again, retry_after_s=retry_after_s)


def read(content: bytes) -> Answer:
    """Read the body of an answer with status 200, whatever it is."""
    try:
        found = msgspec.json.decode(content, type=_Completion)
    except (msgspec.DecodeError, RecursionError):
        return _billed(Answer(failure="MALFORMED"), _bill(content))
    if len(found.choices) != 1:
        return _billed(Answer(failure="MALFORMED"), found.usage)
    choice = found.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return _billed(Answer(failure="REFUSAL"), found.usage)
    if choice.finish_reason == "length" or not choice.message.content:
        return _billed(Answer(failure="CUT_SHORT"), found.usage)
    return _billed(Answer(content=choice.message.content), found.usage)


def _bill(content: bytes) -> _Usage | None:
    try:
        return msgspec.json.decode(content, type=_Bill).usage
    except (msgspec.DecodeError, RecursionError):
        return None


def _billed(answer: Answer, usage: _Usage | None) -> Answer:
    """Add what the API says of tokens and cost; a number that cannot be is no number."""
    if usage is None:
        return replace(answer, billed="unknown")
    read_tokens, written = _sane(usage.prompt_tokens), _sane(usage.completion_tokens)
    cost = _sane(usage.cost_in_usd_ticks)
    if cost is None and (read_tokens is None or written is None):
        return replace(answer, billed="unknown")
    details = usage.prompt_tokens_details or _Details()
    return replace(
        answer,
        cost_ticks=cost,
        input_tokens=read_tokens or 0,
        output_tokens=written or 0,
        cached_tokens=_sane(details.cached_tokens) or 0,
    )


def _sane(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= MOST_TICKS else None
