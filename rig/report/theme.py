"""Colours of page and pictures, in one table; nothing is told by colour alone."""

from __future__ import annotations

import re

# name: (light, dark). The light ones stand in the pictures' files; on the page they become variables,
# so each may occur only once.
COLOURS = {
    "bg": ("#f6f7f9", "#14171b"),
    "card": ("#ffffff", "#1d2228"),
    "ink": ("#1a1f26", "#e7eaee"),
    "soft": ("#59636f", "#a3adb8"),
    "rule": ("#d7dce2", "#3a424c"),
    "bar": ("#2f6fb0", "#6fa8e0"),
    "wave": ("#1d4f86", "#8cc0f2"),
    "bad": ("#b3261e", "#ff8a80"),
    "mark": ("#8a5a00", "#f0b95a"),
    "good": ("#1b7a3d", "#6fd08f"),
}
LIGHT = {name: light for name, (light, _dark) in COLOURS.items()}

_NAME_OF = {light: name for name, light in LIGHT.items()}
_COLOUR = re.compile("|".join(map(re.escape, _NAME_OF)))
_ROOT = re.compile(r"<svg\b[^>]*?(viewBox=\"[^\"]+\")[^>]*>")
_ID = re.compile(r' id="([^"]+)"')
_REFERENCE = re.compile(r"#([A-Za-z][\w-]*)")


def variables() -> str:
    """Return the colours as CSS variables, for both schemes."""
    light, dark = (
        "".join(f"--{name}: {pair[place]}; " for name, pair in COLOURS.items()) for place in (0, 1)
    )
    return (
        f":root {{ color-scheme: light dark; {light}}}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n"
    )


def inline(svg: str, label: str, key: str) -> str:
    """Turn the text of an SVG file into an element of a page: themed, as wide as there is room.

    `label` must be escaped; `key` keeps the ids of one picture apart from those of another.
    """
    body = svg[svg.index("<svg") :]
    used = set(_REFERENCE.findall(_COLOUR.sub("", body)))
    body = _ID.sub(lambda found: f' id="{key}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{key}-", body)
    body = _COLOUR.sub(lambda found: f"var(--{_NAME_OF[found[0]]})", body)
    root = f'<svg role="img" aria-label="{label}" \\1>'
    return re.sub(r"<style\b.*?</style>", "", _ROOT.sub(root, body, count=1), flags=re.DOTALL)
