"""`bot4`: every command, each loading only what it needs.

Exit codes: 0 good, 1 the thing checked does not hold, 2 wrong use or bad input (one line).
"""

import sys
from typing import NoReturn

import typer

from bot4 import (
    audit,
    bench,
    data,
    enrich,
    firmware,
    host,
    models,
    perf,
    ready,
    train,
    validate,
    var,
)
from bot4.backtest import backtest
from bot4.backup import backup, restore
from bot4.dashboard import dashboard
from bot4.doctor import doctor
from bot4.errors import INTERRUPTED, BadInput, complain
from bot4.install import install
from bot4.support import support_bundle

app = typer.Typer(
    name="bot4",
    help="A trading host guarded by a hardware kill switch, and the bench that measures it.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(bench.demo)
app.command("run")(host.run)
app.command("halt")(host.halt)
app.command("status")(host.status)
app.command("dashboard")(dashboard)
app.command("doctor")(doctor)
app.command("install")(install)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("support-bundle")(support_bundle)
app.command("fit")(models.fit)
app.command("forecast")(models.forecast)
app.command("var")(var.var)
app.command("backtest")(backtest)
app.command("train")(train.train)
app.command("card")(train.card)
app.command("perf")(perf.perf)
app.add_typer(audit.app, name="audit")
app.add_typer(bench.app, name="bench")
app.add_typer(data.app, name="data")
app.add_typer(enrich.app, name="enrich")
app.add_typer(firmware.app, name="firmware")
app.add_typer(ready.app, name="ready")
app.add_typer(validate.app, name="validate")

# Newer typer carries a click of its own, so the base of its usage errors is found by name.
UsageProblem: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


def main() -> NoReturn:
    """Run one command; whatever the user did wrong is one line and exit code 2."""
    arguments = sys.argv[1:]
    try:
        code = app(arguments or ["--help"], standalone_mode=False)
        code = code if arguments else 2
    except BadInput as error:
        code = complain(str(error))
    except UsageProblem as error:
        code = complain(getattr(error, "format_message", error.__str__)())
    except (typer.Abort, KeyboardInterrupt):
        print("bot4: interrupted", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)
