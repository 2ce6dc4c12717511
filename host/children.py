"""The supervisor's children: started with what each needs, watched by pidfd, ended within their time."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from host import surroundings
from host.plan import PREFIX, Plan

END_S = 5.0
# A connector waits for what is on its way to the exchange.
CONNECTOR_END_S = 12.0
# Exit code of a child that has said in one line what is wrong with its input.
BAD_INPUT = 2


@dataclass
class Child:
    """One running process; starts -- when it was started, s of the monotonic clock."""

    name: str
    process: subprocess.Popen
    pidfd: int
    starts: list[float] = field(default_factory=list)

    def why_not_ready(self) -> str:
        """Return what to add to what it has said itself: nothing, if it did."""
        try:
            code = self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            return f"{self.name} says something else than ready"
        said = code == BAD_INPUT
        return "" if said else f"{self.name} ended with exit code {code} while starting"


class Children:
    """Those that run, by name. say(line) -- tells whoever started the host"""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._by_name: dict[str, Child] = {}

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self._by_name.values()))

    def find(self, name: str) -> Child | None:
        """Return a child that has been started and not forgotten."""
        return self._by_name.get(name)

    def spawn(
        self,
        name: str,
        starts: Sequence[float] = (),
        handed: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> Child:
        """Start one. handed -- descriptors, whose numbers end its command line"""
        process = subprocess.Popen(
            [*self._plan.command(name), *map(str, handed)],
            pass_fds=handed,
            stdin=stdin,
            stdout=subprocess.PIPE,
            env=surroundings.environment(name, os.environ, self._plan.secrets(name)),
            start_new_session=True,
            preexec_fn=self._keep_off_guard_cpu if name != "guard" else None,
        )
        child = Child(name, process, os.pidfd_open(process.pid), [*starts, time.monotonic()])
        self._by_name[name] = child
        return child

    def _keep_off_guard_cpu(self) -> None:
        others = os.sched_getaffinity(0) - {self._plan.guard_cpu}
        if self._plan.guard_cpu is not None and others:
            os.sched_setaffinity(0, others)

    def forget(self, child: Child) -> None:
        """Let go of one that has ended."""
        del self._by_name[child.name]
        os.close(child.pidfd)
        if child.process.stdout is not None:
            child.process.stdout.close()

    def end(self, name: str) -> None:
        """End one in order, or kill it when it takes too long; nothing when it does not run."""
        child = self.find(name)
        if child is None:
            return
        child.process.terminate()
        try:
            child.process.wait(CONNECTOR_END_S if name.startswith(PREFIX) else END_S)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
            self._say(f"{name} did not end by itself and was killed")
        self.forget(child)
