"""`python -m host.modeller.fitter FD`: fits what it is sent, one packet after the other.

A child of the modeller at the lowest priority. Packets on the socket FD are JSON: {"returns", "level"}
in, a host.modeller.filter.Fit or {"error"} out.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

import msgspec
import numpy as np

from host import realtime
from host.modeller.filter import Fit

NICE = 19
PACKET_BYTES = 1 << 20


class Request(msgspec.Struct, frozen=True):
    """Returns in percent, and the probability of the tail."""

    returns: list[float]
    level: float


def fit(request: Request) -> Fit:
    """Fit a constant mean and GARCH(1,1) with t(4); the return itself is not worth a model.

    Raises host.models.ModelError when no model can be made of the returns.
    """
    from host.models import ModelError, Spec, quantile, tail_mean
    from host.models import fit as fit_model

    begun = time.monotonic()
    fitted = fit_model(np.array(request.returns), Spec(ar=0, ma=0))
    if not fitted.converged:
        raise ModelError("the fit did not converge")
    params = fitted.params
    return Fit(
        mean=params.mu,
        omega=params.omega,
        alpha=params.alpha,
        beta=params.beta,
        variance=fitted.forecast().variance,
        quantile=quantile(params.nu, request.level),
        tail_mean=tail_mean(params.nu, request.level),
        seconds=time.monotonic() - begun,
    )


def main(fd: str) -> int:
    """Serve until the modeller closes its end."""
    realtime.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    with socket.socket(fileno=int(fd)) as sock:
        while packet := sock.recv(PACKET_BYTES):
            try:
                answer = msgspec.json.encode(fit(msgspec.json.decode(packet, type=Request)))
            except (ValueError, ArithmeticError, ImportError) as error:
                answer = msgspec.json.encode({"error": str(error)[:200]})
            sock.send(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
