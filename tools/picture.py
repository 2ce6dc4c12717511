"""The picture in README: `python -m tools.picture RUN [FILE]`.

The top of a run's page in a headless Chromium, as a PNG of few colours (docs/assets/report.png).
"""

import shutil
import sys
from pathlib import Path

from tools.docs import FOLDER

PICTURE = FOLDER / "assets" / "report.png"
WIDE, HIGH, COLOURS = 1080, 920, 64


def take(report: Path, out: Path) -> None:
    """Write the picture of a page."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    with sync_playwright() as up:
        browser = up.chromium.launch(executable_path=system, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDE, "height": HIGH})
        page.goto(report.resolve().as_uri())
        page.screenshot(path=out)
        browser.close()
    Image.open(out).convert("RGB").quantize(COLOURS).save(out, optimize=True)


def main(arguments: list[str]) -> int:
    """Take it; 2 on wrong use."""
    report = Path(arguments[0]) / "report.html" if len(arguments) in (1, 2) else None
    if report is None or not report.is_file():
        print(
            "picture: python -m tools.picture RUN [FILE]: RUN holds no report.html", file=sys.stderr
        )
        return 2
    out = Path(arguments[1]) if len(arguments) > 1 else PICTURE
    take(report, out)
    print(f"{out}: {out.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
