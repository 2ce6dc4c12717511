"""Starts both processes: binds, forks the web, lets go of rights, and reads until told to end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from host import realtime
from host.dashboard import landlock, lowered
from host.dashboard.access import Access
from host.dashboard.reader import Reader
from host.dashboard.web import LINE_BYTES, Hub, application, follow

BACKLOG = 64
MOST_CONNECTIONS = 64
HEADER_BYTES = 16_384
GRACE_S = 1


@dataclass(frozen=True)
class Plan:
    """What to serve, where and as whom.

    names -- values of the Host header that are answered
    web_user -- (uid, gid) of the web process where started as root
    """

    run_dir: Path
    audit_dir: Path | None
    config: Path | None
    address: str
    port: int
    names: tuple[str, ...]
    token: str | None
    certificate: Path | None
    key: Path | None
    web_user: tuple[int, int]


def bind(address: str, port: int) -> socket.socket:
    """Return the listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def serve(plan: Plan, say: Callable[[str], None]) -> int:
    """Serve until told to end; return the exit code. Raises OSError when it cannot begin."""
    hub = Hub()
    app = Access(application(hub), plan.names, plan.token)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        http="h11",
        h11_max_incomplete_event_size=HEADER_BYTES,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=plan.certificate,
        ssl_keyfile=plan.key,
    )
    config.load()  # reads certificate and key while it still may
    listener = bind(plan.address, plan.port)
    incoming, outgoing = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        os.close(outgoing)
        _web(plan, config, hub, listener, incoming)
    os.close(incoming)
    port = listener.getsockname()[1]
    listener.close()
    shown = f"[{plan.address}]" if ":" in plan.address else plan.address
    place = f"{'https' if plan.certificate else 'http'}://{shown}:{port}/"
    return _read(plan, outgoing, child, lambda: say(f"dashboard at {place}"))


def _read(plan: Plan, pipe: int, child: int, begun: Callable[[], None]) -> int:
    """Be the reader until told to end or the web process has ended; return the exit code."""
    told = False
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        lowered.become(*_owner(plan.run_dir))
        begun()
        lowered.write_no_file()
        Reader(plan.run_dir, plan.audit_dir, plan.config).run(pipe)
    except KeyboardInterrupt:
        told = True
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.close(pipe)
    _pid, status = os.waitpid(child, 0)
    return 0 if told else os.waitstatus_to_exitcode(status) or 1


def _owner(run_dir: Path) -> tuple[int, int]:
    """The host's user: who may ask its guard. Without a host, whoever started us."""
    with contextlib.suppress(OSError):
        found = run_dir.stat()
        return found.st_uid, found.st_gid
    return os.geteuid(), os.getegid()


def _web(plan: Plan, config: uvicorn.Config, hub: Hub, listener: socket.socket, pipe: int) -> None:
    """Be the web process; never return into the reader's code."""
    code = 1
    try:
        lowered.become(*plan.web_user)
        lowered.write_no_file()
        landlock.read_only()
        realtime.die_with_parent(signal.SIGTERM)  # a change of user would take it back
        code = asyncio.run(_serve(config, hub, listener, pipe))
    except KeyboardInterrupt:
        code = 0
    except OSError as error:
        print(f"bot4: dashboard: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


async def _serve(config: uvicorn.Config, hub: Hub, listener: socket.socket, pipe: int) -> int:
    """Serve until the reader has ended, or a signal asks for the end."""
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    server = uvicorn.Server(config)
    fed = asyncio.create_task(follow(hub, reader))
    fed.add_done_callback(lambda _task: setattr(server, "should_exit", True))
    await server.serve([listener])
    fed.cancel()
    return 0
