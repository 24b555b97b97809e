"""The page of an exported folder in a real browser, opened as a file: it says what ONNX Runtime says, and what is wrong with a picture."""

import base64
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported_place import DRAWN
from PIL import Image

from kdml.common.files import read_json, write_json
from kdml.data.originals import Originals
from kdml.deploy.model import Model
from kdml.deploy.page import PACKAGE
from kdml.deploy.pictures import outlined

pytestmark = pytest.mark.xdist_group("browser")
ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "resources/npm/node_modules" / PACKAGE
GET = f"npm install --no-save --ignore-scripts --prefix resources/npm {PACKAGE}@1.30.0"
PIXELS = "document.getElementById('picture').toDataURL('image/png')"
ROWS = "[...document.querySelectorAll('#answer tr')].map(row => [row.cells[0].textContent, row.cells[1].textContent])"
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), sign => sign.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name));
  document.getElementById('drop').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def make(folder, *words):
    """Call page.pyz; what it did."""
    command = [sys.executable, "-I", folder / "page.pyz", *map(str, words)]  # -I: with nothing that lies around
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def browser():
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    if not RUNTIME.exists():
        pytest.skip(f"needs the npm package {PACKAGE}: `{GET}`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module", params=["float32", "int8"])
def opened(request, place, browser, tmp_path_factory):
    """The page, the graph that is in it, and what went wrong or left the page."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    words = ["--int8"] if request.param == "int8" else []
    done = make(place.out, RUNTIME, "--out", path, *words)
    assert done.returncode == 0 and "open it in a browser" in done.stdout, done.stderr
    page = browser.new_page()
    page.problems = []
    page.on("console", lambda said: page.problems.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda asked: page.problems.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_selector("#file:enabled, #problem:not(:empty)")
    assert page.inner_text("#state") == "Ready.", page.inner_text("#problem")
    yield page, Model(place.out, "ensemble", 1, int8=bool(words)), request.param
    page.close()


@pytest.fixture(scope="module")
def pictures(place):
    """Some test pictures, one of them of another size."""
    record = read_json(place.folder / "record.json", "")
    found = Originals(place.dataset, [record], place.folder / "archives", place.data)
    several = list(found.pictures(place.place.test_rows[:3]))
    return [*several, np.asarray(Image.fromarray(several[0]).resize((70, 40)))]


def png(values, mode=None):
    buffer = io.BytesIO()
    Image.fromarray(values, mode).save(buffer, "PNG")
    return buffer.getvalue()


def given(page, name, content, kind="image/png"):
    """Choose a file; the rows of the answer by title, or the message."""
    page.evaluate("document.getElementById('state').textContent = ''")
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})
    page.wait_for_selector("#state:text('Done'), #problem:not(:empty)")
    return dict(page.evaluate(ROWS)) if not page.inner_text("#problem") else page.inner_text("#problem")


def shown(page):
    """Pixels of the picture as the page shows it, (h, w, 3)."""
    content = base64.b64decode(page.evaluate(PIXELS).partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_the_browser_says_what_onnx_runtime_says(place, opened, pictures):
    page, model, form = opened
    near = 1e-4 if form == "float32" else 2e-2  # kernels for integers round on their own
    for number, picture in enumerate(pictures):
        rows, expected = given(page, f"{number}.png", png(picture)), model(picture)
        first, second = expected["students"]
        if place.kind == "classification":
            said = [float(rows[f"probability of {name}"]) for name in model.classes]
            assert said == pytest.approx(expected["probabilities"], abs=near)
            apart = np.abs(first - second).max()
            assert float(rows["largest difference of students"]) == pytest.approx(apart, abs=2 * near)
            if np.ptp(expected["probabilities"]) > 2 * near:
                assert rows["class"] == model.classes[expected["probabilities"].argmax()]
            continue
        assert float(rows["largest probability"]) == pytest.approx(expected["probability"].max(), abs=near)
        unsure = int((np.abs(expected["students"] - 0.5) < near).sum())
        a, b = first >= 0.5, second >= 0.5
        dice = 2 * (a & b).sum() / (a.sum() + b.sum()) if a.any() or b.any() else 1
        if not unsure:
            assert float(rows["Dice of students"]) == pytest.approx(dice, abs=1e-6)
        if form == "float32":
            assert abs(int(rows["marked pixels"]) - int(expected["mask"].sum())) <= 2 * unsure
            if int(rows["marked pixels"]) == expected["mask"].sum():
                assert np.array_equal(shown(page), outlined(picture, expected["mask"]))
    assert page.problems == []


def test_a_picture_can_be_dropped(opened, pictures):
    page, _, _ = opened
    chosen = given(page, "chosen.png", png(pictures[1]))
    page.evaluate(DROP, ["dropped.png", base64.b64encode(png(pictures[1])).decode()])
    page.wait_for_selector("#name:text-is('dropped.png')")
    assert dict(page.evaluate(ROWS)) == chosen


def test_sizes_unlike_the_training_are_warned_of(opened, pictures):
    page, _, _ = opened
    given(page, "same.png", png(pictures[0]))
    assert page.inner_text("#unlike") == ""
    given(page, "other.png", png(pictures[3]))
    assert f"height 40 (training: {DRAWN}); width 70" in page.inner_text("#unlike")


@pytest.mark.bad_input
def test_what_is_no_picture_or_would_be_cut_is_told_and_the_next_is_predicted(opened, pictures):
    page, _, _ = opened
    grey = np.zeros((20, 20), np.uint16)
    clear = np.full((20, 20, 4), 9, np.uint8)
    for name, content, message in (
        ("words.png", b"no picture", "words.png cannot be read as a picture"),
        ("deep.png", png(grey), "deep.png has 16 bits a channel"),
        ("clear.png", png(clear), "clear.png has transparent pixels"),
    ):
        assert message in given(page, name, content) and not page.is_visible("#result")
    assert given(page, "good.png", png(pictures[0])) and page.is_visible("#result") and not page.is_visible("#problem")


def test_everybody_can_use_it(opened, pictures):
    from axe_playwright_python.sync_playwright import Axe

    page, _, _ = opened
    given(page, "good.png", png(pictures[0]))
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.bad_input
@pytest.mark.parametrize("place", ["classification"], indirect=True)
def test_without_the_package_and_for_what_browsers_cannot_show_no_page_is_made(place, tmp_path):
    done = make(place.out, tmp_path, "--out", tmp_path / "page.html")
    assert done.returncode == 2 and "is not the npm package onnxruntime-web" in done.stderr
    assert "npm install" in done.stderr and not (tmp_path / "page.html").exists()
    folder = shutil.copytree(place.out, tmp_path / "folder", ignore=shutil.ignore_patterns(".*"))
    facts = read_json(folder / "export.json", "")
    for changed, message in (
        ({"window": {"low": 0, "high": 9, "of_percentiles": False}}, "trained on pictures with 16 bits"),
        ({"kind": "segmentation", "classes": ["a", "b"]}, "shows masks of one class"),
    ):
        write_json(folder / "export.json", facts | changed)
        done = make(folder, tmp_path, "--out", tmp_path / "page.html")
        assert done.returncode == 2 and message in done.stderr and "use predict.pyz" in done.stderr
        assert not (tmp_path / "page.html").exists()
