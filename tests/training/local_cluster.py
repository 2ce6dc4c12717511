"""A Dask cluster of two processes on this machine: prints its address and the workers' process ids.

python -m tests.training.local_cluster [WORKERS]    until its input ends
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator


def main() -> None:
    from distributed import LocalCluster

    workers = int(sys.argv[1]) if sys.argv[1:] else 2
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        pids = [str(worker.pid) for worker in cluster.workers.values()]
        print(cluster.scheduler_address, *pids, flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def started(workers: int = 2) -> Iterator[tuple[str, list[int]]]:
    """Give the address of a cluster in a process of its own, and the process ids of its workers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.training.local_cluster", str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        address, *pids = process.stdout.readline().split()
        yield address, [int(pid) for pid in pids]
    finally:
        process.communicate("", timeout=60)


if __name__ == "__main__":
    main()
