"""Which addresses a connector may reach: a test server of this machine, a testnet, or the exchange.

Looked at where the connection is made, after all that a client library does to an address.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

LOCAL_NAMES = ("127.0.0.1", "localhost")


class OutOfReach(ConnectionRefusedError):
    """The connection is to somewhere that this connector has no leave for."""


class Reach(NamedTuple):
    """hosts -- whose names end so; loopback -- and whose address is of this machine"""

    hosts: tuple[str, ...]
    loopback: bool = False

    def check_name(self, name: str | None) -> None:
        """Raise OutOfReach for a host that is none of these."""
        good = any(name == host or (name or "").endswith(f".{host}") for host in self.hosts)
        if self.hosts and not good:
            raise OutOfReach(f"{str(name)[:80]} is out of reach")

    def check_address(self, address: str) -> None:
        """Raise OutOfReach for an address that is not of this machine where it must be."""
        if self.loopback and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            raise OutOfReach(f"{address} is not this machine")


HERE = Reach(LOCAL_NAMES, loopback=True)
ANYWHERE = Reach(())
