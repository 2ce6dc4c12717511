"""`bot4 dashboard`: a page that only shows."""

import ipaddress
import os
import stat
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from bot4.errors import BadInput, require
from bot4.host import DEFAULT_RUN_DIR, RunDir

PORT = 8404
LEAST_TOKEN, MOST_TOKEN = 32, 256


def dashboard(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    audit_dir: Annotated[
        Path | None, typer.Option(help="Folder of the audit log; else the running guard's.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Configuration; else that of the running host.")
    ] = None,
    listen: Annotated[str, typer.Option(help="IP address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = PORT,
    token: Annotated[
        Path | None, typer.Option(help="File with the token that is asked for, mode 0600.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Further host name that is answered; repeatable.")
    ] = None,
    user: Annotated[
        str, typer.Option(help="Whom the web process becomes when started as root.")
    ] = "nobody",
    grafana: Annotated[
        bool, typer.Option("--grafana", help="Print the Grafana dashboard and end.")
    ] = False,
) -> int:
    """Show the running host as a web page and as metrics. It can change nothing."""
    if grafana:
        print(files("host.dashboard").joinpath("grafana.json").read_text(encoding="utf-8"), end="")
        return 0
    try:
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise BadInput(f"{error.name} is missing: pip install 'bot4[dashboard]'") from None
    from host.dashboard.access import LOCAL
    from host.dashboard.lowered import ids_of
    from host.dashboard.start import Plan, serve

    address = _address(listen)
    require((certificate is None) == (key is None), "--certificate and --key belong together")
    if not address.is_loopback:
        safe = token is not None and certificate is not None
        require(
            safe,
            f"--listen {listen}: not this machine alone needs --token, --certificate and --key",
        )
    for file in filter(None, (certificate, key)):
        require(os.access(file.expanduser(), os.R_OK), f"{file}: cannot be read")
    shown = f"[{address}]" if address.version == 6 else str(address)
    try:
        web_user = ids_of(user)
    except KeyError:
        raise BadInput(f"--user {user}: there is no such user") from None
    require(web_user[0] != 0, f"--user {user}: root is what the web process must not be")
    plan = Plan(
        run_dir=run_dir.expanduser(),
        audit_dir=audit_dir.expanduser() if audit_dir else None,
        config=config.expanduser() if config else None,
        address=str(address),
        port=port,
        names=(LOCAL, *(name or ())),
        token=read_token(token.expanduser()) if token else None,
        certificate=certificate.expanduser() if certificate else None,
        key=key.expanduser() if key else None,
        web_user=web_user,
    )
    try:
        return serve(plan, lambda line: print(f"bot4: {line}", file=sys.stderr, flush=True))
    except OSError as error:  # ssl.SSLError is one
        what = f"{certificate}, {key}" if plan.certificate and _is_tls(error) else f"{shown}:{port}"
        raise BadInput(f"{what}: {error.strerror or error}") from None


def read_token(file: Path) -> str:
    """Read a token that only its owner can read. Raises BadInput."""
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_TOKEN + 2).decode("ascii").strip()
            mode = os.fstat(opened.fileno()).st_mode
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{file}: a token is of ASCII letters and digits") from None
    require(not stat.S_IMODE(mode) & 0o077, f"{file}: a token is for its owner alone (chmod 600)")
    good = LEAST_TOKEN <= len(text) <= MOST_TOKEN and text.isascii() and text.isprintable()
    require(
        good and not any(char.isspace() or char == ":" for char in text),
        f"{file}: a token has {LEAST_TOKEN} to {MOST_TOKEN} characters (openssl rand -hex 32)",
    )
    return text


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError:
        raise BadInput(f"--listen {text[:60]}: an IP address, 0.0.0.0 for all") from None


def _is_tls(error: OSError) -> bool:
    return type(error).__module__ == "ssl"
