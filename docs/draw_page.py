"""Draws docs/page.png, the first screen of an experiment's page down to the end of the claims, with headless Chromium.

uv run python docs/draw_page.py --page results/index.html
"""

import argparse
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from kdml.common.errors import UserError, run_script

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1280, 800  # in pixels of the page
DENSITY = 2  # pixels of the picture for one of the page, as sharp screens have
MARGIN = 12  # below the picture of the claims
COLOURS = 64  # enough for text and plots, and a fifth of the bytes


def main() -> None:
    """Open the page, take its first screen, make it small."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, required=True, help="index.html of an experiment that was run or rebuilt")
    parser.add_argument("--out", type=Path, default=Path("docs/page.png"))
    arguments = parser.parse_args()
    if not arguments.page.is_file():
        raise UserError(f"{arguments.page} is not there.", "run an experiment, or rebuild a pack, first")
    take(arguments.page, arguments.out)
    with Image.open(arguments.out) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(arguments.out, optimize=True)


def take(page: Path, out: Path) -> None:
    """Write the first screen of a page as a PNG.

    Args:
        page: a local HTML file.
        out: file to write.

    Raises:
        UserError: there is no Chromium.
    """
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise UserError("There is no Chromium.", "install it (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        opened = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=DENSITY, color_scheme="light"
        )
        opened.goto(page.resolve().as_uri())
        opened.wait_for_function("document.querySelector('figure.first img').complete")
        end = opened.evaluate("document.querySelector('figure.first').getBoundingClientRect().bottom")
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": end + MARGIN}
        opened.screenshot(path=str(out), clip=clip, full_page=True)
        browser.close()


if __name__ == "__main__":
    run_script(main)
