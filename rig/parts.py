"""Parts of a bench that are chosen by name, with typed options: analysers and stimuli."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

_Part = TypeVar("_Part", bound="PartOptions")


class OptionError(ValueError):
    """A kind or an option that does not exist or does not hold; one line that names it."""


class PartOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all option tables: unknown options are errors, values keep their types."""


def read_options(
    part: str, kind: str, kinds: Mapping[str, type[_Part]], options: Mapping[str, Any]
) -> _Part:
    """Return the options of `kind` as its struct. Raises OptionError for an unknown kind or option."""
    if kind not in kinds:
        raise OptionError(f"{part} {kind!r}: it is one of {', '.join(sorted(kinds))}")
    known = kinds[kind]
    unknown = sorted(set(options) - set(known.__struct_fields__))
    if unknown:
        there = ", ".join(known.__struct_fields__) or "none"
        raise OptionError(f"{part} {kind}: no option {unknown[0]!r}, only {there}")
    try:
        return msgspec.convert(dict(options), known)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        where = f"{place.rstrip('`')}: " if place else ""
        raise OptionError(f"{part} {kind}: {where}{said[:1].lower()}{said[1:]}") from None
