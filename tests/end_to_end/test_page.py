"""The static page in a real browser: no errors, every image loads, tables sort, readable on a laptop and a phone."""

import shutil

import pytest

pytestmark = pytest.mark.xdist_group("browser")  # one of them is enough
SIZES = {"laptop": (1366, 768), "phone": (390, 844)}


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


def test_tables_sort_by_value_and_back(page):
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    table = page.locator("#runs table.sortable")
    column = [head.inner_text() for head in table.locator("thead th").all()].index("Seconds")
    values = "cells => cells.map(cell => Number(cell.dataset.value))"
    head = table.locator("thead th").nth(column).locator("button")
    head.click()
    rising = table.locator(f"tbody td:nth-child({column + 1})").evaluate_all(values)
    head.click()
    falling = table.locator(f"tbody td:nth-child({column + 1})").evaluate_all(values)
    assert len(set(rising)) > 2 and rising == sorted(rising) and falling == rising[::-1]
    assert table.locator("th[aria-sort=descending]").count() == 1


def test_nothing_is_wider_than_the_window(page):
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_text_can_be_read(page):
    """Body text of at least 16 pixels, no text below 11."""
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    assert page.locator("body").evaluate(size) >= 16
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('p,td,th,a,summary,figcaption')].map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 11
