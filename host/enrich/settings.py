"""The section [enrichment] of the configuration."""

import re
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from host.layout import MOST_SYMBOLS

SYMBOL = re.compile(r"[A-Za-z0-9_/+-]{1,16}")
ENVIRONMENT = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_WORDS, MOST_WORD_CHARS, MOST_SOURCES = 16, 40, 32
Usd = Annotated[float, Meta(ge=0, le=10_000)]


class Enrichment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A language model's opinion on the news, which may make entries smaller and nothing else.

    Off unless `enabled`. Model, prices and symbols have no default: prices change, and a budget that is
    held against the wrong ones is none. The API's key comes from the environment or from a file that
    only its owner can read; it is never written anywhere. A password of Redis comes from
    `BOT4_REDIS_PASSWORD`.
    """

    enabled: Annotated[bool, Meta(description="ask the model, and read what it says")] = False
    base_url: Annotated[
        str, Meta(max_length=300, description="of the API; plain http on this machine alone")
    ] = "https://api.x.ai/v1"
    model: Annotated[str, Meta(max_length=80, description="name of the model at the API")] = ""
    input_usd_per_million: Annotated[
        Usd, Meta(description="its price of a million tokens read")
    ] = 0.0
    output_usd_per_million: Annotated[
        Usd, Meta(description="its price of a million tokens written")
    ] = 0.0
    key_env: Annotated[str, Meta(description="environment variable with the API's key")] = (
        "XAI_API_KEY"
    )
    key_file: Annotated[
        str,
        Meta(max_length=4096, description="file with it, mode 0600, where the variable is not set"),
    ] = "~/.config/bot4/xai.key"
    symbols: Annotated[
        dict[str, list[str]],
        Meta(description="symbol -> the words by which a headline is about it; at most 64"),
    ] = {}
    sources: Annotated[
        list[str],
        Meta(description="RSS, Atom or JSON: addresses (https) and files; at most 32"),
    ] = []
    source_period_s: Annotated[
        int, Meta(ge=1, le=86_400, description="between two looks at the sources")
    ] = 60
    ttl_s: Annotated[
        int, Meta(ge=10, le=86_400, description="age above which an opinion is neutral")
    ] = 300
    most_cut_share: Annotated[
        float, Meta(ge=0, le=1, description="by how much the worst opinion makes an entry smaller")
    ] = 0.5
    budget_usd: Annotated[
        float, Meta(gt=0, le=10_000, description="of a UTC month, all hosts on one Redis together")
    ] = 20.0
    requests_per_month: Annotated[int, Meta(ge=1, le=10_000_000, description="likewise")] = 80_000
    deadline_s: Annotated[
        float, Meta(gt=0, le=50, description="of one request, from the first byte to the last")
    ] = 30.0
    tries: Annotated[int, Meta(ge=1, le=5, description="of one question, each reserved apart")] = 2
    redis_url: Annotated[
        str, Meta(max_length=300, description="shares cache and budget between hosts; empty: none")
    ] = ""
    state_dir: Annotated[
        str, Meta(min_length=1, max_length=4096, description="folder of ledger and cache")
    ] = "~/.local/state/bot4/enrich"
    quote_per_usd: Annotated[
        float, Meta(gt=0, le=1e9, description="to hold the cost against profit in quote currency")
    ] = 1.0
    shadow_fee_bps: Annotated[
        float, Meta(ge=0, le=1000, description="fee of the shadow decisions' trades")
    ] = 10.0
    trial: Annotated[
        str, Meta(max_length=40, description="another name begins a new trial after a switch-off")
    ] = "first"
    trial_days: Annotated[
        float, Meta(gt=0, le=3650, description="after them it must be shown to pay, or it goes off")
    ] = 30.0

    def __post_init__(self) -> None:
        """Refuse what cannot be used (ValueError, the key first)."""
        _url("base_url", self.base_url, ("https", "http"))
        if self.redis_url:
            _url("redis_url", self.redis_url, ("rediss", "redis"))
        if not ENVIRONMENT.fullmatch(self.key_env):
            raise ValueError(f"key_env: {self.key_env!r} is no name of a variable")
        _symbols(self.symbols)
        if len(self.sources) > MOST_SOURCES:
            raise ValueError(f"sources: more than {MOST_SOURCES}")
        for source in self.sources:
            if "://" in source:
                _url("sources", source, ("https", "http"))
        if self.enabled:
            for key in (
                "model",
                "input_usd_per_million",
                "output_usd_per_million",
                "symbols",
                "sources",
            ):
                if not getattr(self, key):
                    raise ValueError(f"{key}: is needed when enabled")

    @property
    def prices(self) -> tuple[int, int]:
        """Ticks of a token read and of one written, rounded up: 10^10 ticks are one US dollar."""
        read, written = self.input_usd_per_million, self.output_usd_per_million
        return _ticks_per_token(read), _ticks_per_token(written)

    @property
    def limit_ticks(self) -> int:
        """The month's budget in ticks, rounded down."""
        return int(Decimal(repr(self.budget_usd)) * 10**10)


def _ticks_per_token(usd_per_million: float) -> int:
    return -int(-Decimal(repr(usd_per_million)) * 10**4 // 1)


def _url(key: str, text: str, schemes: tuple[str, str]) -> None:
    """The first scheme is the safe one; the second only for this machine. Nothing secret inside."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise ValueError(f"{key}: {text[:80]!r} is no address") from None
    if parts.scheme not in schemes or not host or any(ord(char) < 33 for char in text):
        raise ValueError(f"{key}: {text[:80]!r} is no {schemes[0]} address")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{key}: no user or password belongs into this file")
    if parts.scheme == schemes[1] and host not in LOOPBACK:
        raise ValueError(
            f"{key}: {schemes[1]} is for this machine alone, {schemes[0]} for {host!r}"
        )


def _symbols(symbols: dict[str, list[str]]) -> None:
    if len(symbols) > MOST_SYMBOLS:
        raise ValueError(f"symbols: more than {MOST_SYMBOLS}")
    for symbol, words in symbols.items():
        if not SYMBOL.fullmatch(symbol):
            raise ValueError(f"symbols: {symbol[:40]!r} is not [A-Za-z0-9_/+-]{{1,16}}")
        if len(words) > MOST_WORDS:
            raise ValueError(f"symbols: {symbol}: more than {MOST_WORDS} words")
        for word in words:
            if not word.strip() or len(word) > MOST_WORD_CHARS:
                raise ValueError(f"symbols: {symbol}: {word[:40]!r} is no word")
