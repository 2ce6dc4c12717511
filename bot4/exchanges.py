"""What `bot4 run` does about exchanges: which are connected to, and whether their orders may be real."""

import sys
from typing import TYPE_CHECKING, Any

from bot4.errors import BadInput, require

if TYPE_CHECKING:
    from host.config import Config
    from host.plan import Plan
    from host.venues.settings import Venue


def connected(wanted: "Config", live: bool) -> "list[Venue]":
    """Return the exchanges of a configuration. Raises BadInput.

    live -- orders may be real, if the gate lets them
    """
    venues = [venue for venue in wanted.venue if venue.exchange]
    if not venues:
        return []
    need_packages()
    from host.exchange import capabilities

    for venue in venues:
        named = f"[[venue]] {venue.name}"
        require(
            venue.real or not capabilities.why_not_live(venue.exchange),
            f"{named}: {capabilities.why_not_live(venue.exchange)}",
        )
        require(
            not venue.real or live,
            f"{named}: without a url its orders are real, and that needs --live",
        )
    return venues


def need_packages() -> None:
    """Say what to install where exchanges cannot be connected to."""
    try:
        import aiohttp  # noqa: F401
        import ccxt  # noqa: F401
    except ImportError:
        raise BadInput("exchanges need ccxt: pip install 'bot4[exchanges]'") from None


def permit(plan: "Plan", wanted: "Config") -> bytes | None:
    """Return the permit for the connector of real orders, or say what is open and return None.

    The decision is put on record. The trust root is production's, whatever anybody asks for; there is no
    option for another one.
    """
    untested = _untested(wanted)
    if untested:
        _say(f"not live: {untested}")
        return None
    decision = _decide(plan)
    if decision is None or not decision.live:
        return None
    from host.golive.permit import NotPermitted, grant

    try:
        _check_live(wanted)
        return grant(decision)
    except NotPermitted as error:
        _say(f"not live: {error}")
        return None


def _untested(wanted: "Config") -> str:
    """Return why no evidence could let this host go live, or nothing."""
    from host.exchange.capabilities import why_not_live

    whys = (why_not_live(venue.exchange) for venue in wanted.venue if venue.exchange)
    return next((why for why in whys if why), "")


def _check_live(wanted: "Config") -> None:
    """Raise BadInput for a configuration that is not of one real exchange."""
    names = [venue.name for venue in wanted.venue]
    traded_at = wanted.strategy.venue
    require(traded_at in names, f"--live: [strategy] venue: no [[venue]] is called {traded_at!r}")
    for venue in wanted.venue:
        traded = venue.name == wanted.strategy.venue
        require(
            traded or not venue.real,
            f"--live: [[venue]] {venue.name}: real orders go to the exchange that is traded at alone",
        )
        require(
            not traded or venue.real, f"--live: [[venue]] {venue.name}: its orders are not real"
        )


def _decide(plan: "Plan") -> Any:
    """Ask the gate and put its decision on record; None when that cannot be done."""
    from bot4 import ready

    ready.need_cryptography()
    from bot4.ready_shown import refuse
    from host.audit import AuditError
    from host.golive.gate import decide, record
    from host.golive.trust import PRODUCTION

    overrides = {"profile": plan.profile, "pins": plan.pins, "link_key": plan.link_key}
    known = ready.gather(
        plan.config, plan.audit_dir, None, PRODUCTION, plan.host_id, overrides=overrides
    )
    decision = decide(known, live=True)
    if not decision.live:
        _say(refuse(decision))
    try:
        record(decision, plan.audit_dir)
    except (AuditError, OSError) as error:
        _say(f"not live: the decision cannot be put on record: {error}")
        return None
    return decision


def _say(line: str) -> None:
    print(f"bot4: {line}", file=sys.stderr)
