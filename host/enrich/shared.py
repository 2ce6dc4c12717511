"""The third tier: Redis, shared between hosts. When it is gone, it is a miss, counted once a round."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from host.enrich.opinion import Opinion, stored

OPINION, ASKING = "bot4:enrich:opinion:", "bot4:enrich:asking:"


class Shared:
    """What hosts share of their opinions; `failures` counts what could not be done."""

    name = "redis"

    def __init__(self, client: Any) -> None:
        self._client = client
        self.failures = 0

    def get(self, keys: Sequence[str], now_s: int) -> dict[str, Opinion]:
        """Return the opinions that are there."""
        found = {}
        with self._try():
            for key, body in zip(
                keys, self._client.mget([OPINION + key for key in keys]), strict=True
            ):
                opinion = stored(body) if body is not None else None
                if opinion is not None:
                    found[key] = opinion
                elif body is not None:
                    self.failures += 1
        return found

    def put(self, opinions: dict[str, Opinion], now_s: int, ttl_s: int) -> None:
        """Keep opinions for `ttl_s`."""
        with self._try(), self._client.pipeline(transaction=False) as pipe:
            for key, opinion in opinions.items():
                pipe.set(OPINION + key, msgspec.json.encode(opinion), ex=ttl_s)
            pipe.execute()

    def claim(self, keys: Sequence[str], owner: str, now_s: int, ttl_s: int) -> list[str]:
        """Return those keys that no other host is asking; they are `owner`'s now."""
        with self._try(), self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.set(ASKING + key, owner, nx=True, ex=ttl_s)
            return [key for key, taken in zip(keys, pipe.execute(), strict=True) if taken]
        return list(keys)  # nobody to agree with when Redis is gone; the budget is held anyway

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Give claims back."""
        with self._try():
            for key in keys:
                if self._client.get(ASKING + key) == owner.encode():
                    self._client.delete(ASKING + key)

    def close(self) -> None:
        """Close the connections."""
        with self._try():
            self._client.close()

    @contextlib.contextmanager
    def _try(self) -> Iterator[None]:
        import redis

        try:
            yield
        except (redis.RedisError, OSError, TypeError, ValueError):
            self.failures += 1
