"""Tasks on a Dask cluster; a killed worker costs time, not results.

The samples are tasks themselves, so the scheduler can make them anew where a worker took them along
(data that is scattered, as joblib's own backend for Dask does it, would be lost). A worker whose versions
or whose code differ would give other numbers: it is refused before the first task.
"""

from __future__ import annotations

import hashlib
import platform
import uuid
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from host.training.samples import Samples
from host.training.walks import Outcome, Runner, Task, Work, WorkersLost

LIBRARIES = ("numpy", "scipy", "scikit-learn")
CODE = ("training", "validation", "data")
CONNECT_S = 10
SCHEMES = ("dask://", "tcp://", "tls://")


def on_cluster(address: str) -> Runner:
    """Return a runner on the cluster of a scheduler: dask://host:port, or tcp://, tls://.

    Raises ValueError for another address.
    """
    if not address.startswith(SCHEMES) or not address.rpartition(":")[2].isdigit():
        raise ValueError(
            f"cluster {address!r}: dask://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT"
        )
    address = address.replace("dask://", "tcp://", 1)

    def run(
        tasks: Sequence[Task], data: Sequence[Samples], work: Work, done: Callable[[int], None]
    ) -> list[Outcome]:
        from distributed import Client

        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise WorkersLost(f"cluster {address}: {_line(error)}") from None
        with client:
            _require_alike(client, address)
            return _run(client, tasks, data, work, done)

    return run


def ours() -> dict[str, str]:
    """Return what a worker must have in common with this process."""
    code = hashlib.sha256()
    here = Path(__file__).resolve().parents[1]
    for folder in CODE:
        for file in sorted((here / folder).glob("*.py")):
            code.update(file.name.encode() + file.read_bytes())
    found = {"python": ".".join(platform.python_version_tuple()[:2]), "machine": platform.machine()}
    return found | {name: version(name) for name in LIBRARIES} | {"code": code.hexdigest()[:16]}


def _require_alike(client: Any, address: str) -> None:
    wanted = ours()
    try:
        found = client.run(ours)
    except Exception as error:  # noqa: BLE001 - what a worker raises is whatever it raises
        raise WorkersLost(f"cluster {address}: a worker cannot run bot4: {_line(error)}") from None
    if not found:
        raise WorkersLost(f"cluster {address}: it has no workers")
    for worker, theirs in sorted(found.items()):
        for name, value in wanted.items():
            if theirs.get(name) != value:
                raise WorkersLost(
                    f"worker {worker}: {name} {theirs.get(name)}, here {value}: "
                    "its numbers would not be ours"
                )


def _run(
    client: Any,
    tasks: Sequence[Task],
    data: Sequence[Samples],
    work: Work,
    done: Callable[[int], None],
) -> list[Outcome]:
    from distributed import as_completed

    run = uuid.uuid4().hex
    held = [
        client.submit(_itself, samples, key=f"bot4-{run}-samples-{number}")
        for number, samples in enumerate(data)
    ]
    futures = {
        client.submit(work, held[task.symbol], task, key=f"bot4-{run}-{number}"): number
        for number, task in enumerate(tasks)
    }
    found: dict[int, Outcome] = {}
    for future in as_completed(futures, loop=client.loop):
        try:
            found[futures[future]] = future.result()
        except Exception as error:  # noqa: BLE001 - dask hands on whatever was raised out there
            raise WorkersLost(f"fit {futures[future]}: {_line(error)}") from None
        done(len(found))
    return [found[number] for number in range(len(tasks))]


def _itself(samples: Samples) -> Samples:
    return samples


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
