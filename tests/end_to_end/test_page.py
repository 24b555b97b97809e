"""The static page in a real browser: no errors, every image loads, tables sort, readable on a laptop and a phone, in both colour
schemes, by keyboard and screen reader, and on paper."""

import io
import json
import shutil
from collections import Counter
from importlib.resources import files
from itertools import pairwise

import pytest
from pypdf import PdfReader
from snakemake_runs import ROOT

pytestmark = pytest.mark.xdist_group("browser")  # one of them is enough
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}
NARROW = 768  # pixels
OPEN = "document.querySelectorAll('details').forEach(part => part.open = true)"
LIGHT = 250_000  # bytes


@pytest.fixture(scope="module")
def browser():
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=SIZES)
def page(request, browser, chain):
    width, height = SIZES[request.param]
    opened = browser.new_page(viewport={"width": width, "height": height})
    opened.problems = []
    opened.on(
        "console",
        lambda message: opened.problems.append(message.text) if message.type in ("error", "warning") else None,
    )
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("request", lambda asked: opened.problems.append(asked.url) if asked.url.startswith("http") else None)
    opened.goto((chain / "results/index.html").as_uri())
    yield opened
    opened.close()


def test_no_errors_and_no_network(page):
    assert page.problems == [] and "miniature" in page.title()


def test_every_image_loads(page):
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert page.evaluate("document.images.length") > 15
    assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)") == []


def test_every_link_leads_somewhere(page, chain):
    targets = page.evaluate("[...document.querySelectorAll('a')].map(link => link.getAttribute('href'))")
    assert len(targets) > 50
    for target in set(targets):
        found = (
            page.query_selector(f"[id='{target[1:]}']")
            if target.startswith("#")
            else (chain / "results" / target).exists()
        )
        assert found, target


def test_tables_sort_by_value_and_back(page, chain):
    if page.viewport_size["width"] < NARROW:
        pytest.skip("rows are lists there, without the heads that sort them")
    page.goto((chain / "results/runs.html").as_uri())
    table = page.locator("table.sortable")
    # A column whose values differ: seconds are whole, and where all are the same they stand below the table, once.
    column = [head.inner_text() for head in table.locator("thead th").all()].index("Images/s")
    values = "cells => cells.map(cell => Number(cell.dataset.value))"
    head = table.locator("thead th").nth(column).locator("button")
    head.focus()
    page.keyboard.press("Enter")
    rising = table.locator(f"tbody td:nth-child({column + 1})").evaluate_all(values)
    head.click()
    falling = table.locator(f"tbody td:nth-child({column + 1})").evaluate_all(values)
    assert len(set(rising)) > 2 and rising == sorted(rising) and falling == rising[::-1]
    assert table.locator("th[aria-sort=descending]").count() == 1


def test_the_first_screen_has_three_blocks_and_a_picture(page):
    """What ran, what came out, whether to trust it: at the latest on the second screen of a phone; on a laptop nearly all of the picture."""
    assert [head.inner_text() for head in page.locator("h2").all()[:4]] == [
        "What ran", "What came out", "Can I trust it?", "Claims",
    ]  # fmt: skip
    assert page.locator(".bar").count() == 2 and page.locator(".bar li").count() == 22
    assert "synthetic images" in page.locator(".badge").inner_text()
    assert page.locator("nav a").all_inner_texts() == [
        "Claims",
        "Scores",
        "In a clinic",
        "Pictures",
        "Costs",
        "Runs and provenance",
    ]
    links = [link.lower() for link in page.locator("nav a").all_inner_texts()]
    said = " ".join((ROOT / "docs/start/demo.md").read_text().split())
    assert f"Six links lead on: {', '.join(links)}." in said and len(links) == 6
    width, height = (page.viewport_size[side] for side in ("width", "height"))
    box = page.locator("figure.first img").bounding_box()
    assert box["y"] + box["height"] <= (height + 40 if width > 1000 else 2 * height)


def test_type_is_as_large_in_figures_of_one_column_as_in_those_of_two(page):
    """A figure of one column that fills the page has letters twice as large as its neighbour's, and fills the screen."""
    if page.viewport_size["width"] < NARROW:
        pytest.skip("a phone has room for neither width")
    scales = page.locator("figure:not(.first) img").evaluate_all(
        "images => images.map(image => image.clientWidth / image.getAttribute('width'))"
    )
    widths = page.locator("figure:not(.first) img").evaluate_all("images => images.map(image => image.width)")
    assert max(widths) > 1.5 * min(widths) and max(scales) < 1.1 * min(scales)


def test_a_click_on_a_verdict_leads_to_its_contrasts(page):
    page.locator(".bar a").nth(7).click()
    claim = page.locator("details.claim").nth(7)
    assert page.url.endswith("#" + claim.get_attribute("id")) and claim.get_attribute("open") is not None


def test_no_column_is_cut(page, chain):
    """Neither on the page nor on those of the tables that it links, with everything open: nothing reaches beyond the window."""
    tables = sorted((chain / "results/tables").glob("*.html"))
    assert len(tables) > 10
    beyond = """[...document.querySelectorAll("main *")].filter(part => part.getBoundingClientRect().right >
        document.documentElement.clientWidth + 1 && part.checkVisibility()).map(part => part.outerHTML.slice(0, 120))"""
    phone = page.viewport_size["width"] < NARROW
    for shown in (
        chain / "results/index.html",
        *((*tables, chain / "results/runs.html", chain / "results/claims.html") if phone else ()),
    ):
        page.goto(shown.as_uri())
        page.evaluate(OPEN)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], shown.name
        assert not phone or page.evaluate(beyond) == [], shown.name


def test_cells_of_a_narrow_table_say_what_stands_above_them(page):
    """A row is a list there: without its head a number would mean nothing."""
    cells = page.locator("table.narrow tbody td").evaluate_all("cells => cells.map(cell => cell.dataset.label)")
    assert len(cells) > 100 and all(cells)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_keyboard_and_screen_reader(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.evaluate(OPEN)
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(result => result.violations)")
    serious = {one["id"]: one["nodes"][0]["html"] for one in found if one["impact"] in ("serious", "critical")}
    assert serious == {}


def test_a_screen_reader_finds_its_way(page):
    """One main part, a link to it that is the first to get the focus, every id once, headings without a gap."""
    assert page.locator("main").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(part => part.id)")
    assert [one for one, times in Counter(ids).items() if times > 1] == []
    page.evaluate(OPEN)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(head => Number(head.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in pairwise(levels))


def test_every_figure_has_its_size(page):
    """So that the page does not jump while it loads."""
    wrong = """[...document.images].filter(image => Math.abs(image.getAttribute("width") / image.getAttribute("height") -
        image.naturalWidth / image.naturalHeight) > 0.01).map(image => image.src)"""
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert page.evaluate("document.images.length") > 15 and page.evaluate(wrong) == []


def test_the_page_is_light(chain):
    """Big tables are pages of their own, linked; all others are on it."""
    page = (chain / "results/index.html").read_text(encoding="utf-8")
    assert len(page.encode()) <= LIGHT
    shown = [
        item for item in json.loads((chain / "results/miniature/contents.json").read_text()) if "html" in item["files"]
    ]
    assert all(item["files"]["html"].removeprefix("results/") in page for item in shown)


def test_it_can_be_printed(browser, chain):
    """On few pages, in black on white, without what is for clicks alone."""
    opened = browser.new_page(color_scheme="dark")
    opened.goto((chain / "results/index.html").as_uri())
    opened.emulate_media(media="print")
    assert not opened.locator("nav").is_visible()
    assert opened.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"
    printed = PdfReader(io.BytesIO(opened.pdf(prefer_css_page_size=True)))
    opened.close()
    figures = len(list((chain / "results/figures").glob("*.png")))
    assert len(printed.pages) <= figures
    assert "What came out" in printed.pages[0].extract_text()


def test_text_can_be_read(page):
    """Body text of at least 16 pixels, no text below 11."""
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    assert page.locator("body").evaluate(size) >= 16
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('p,td,th,a,summary,figcaption')].map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 11
