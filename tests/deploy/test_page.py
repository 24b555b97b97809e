"""The page of an exported folder in a real browser, opened as a file: it says what ONNX Runtime says, and what is wrong with a picture."""

import base64
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported_place import DRAWN, ExportedPlace
from own_files import SHAPES, shapes, written
from PIL import Image

from kdml.common.files import read_json, write_json
from kdml.data.originals import Originals
from kdml.data.own import Own
from kdml.deploy.model import Model
from kdml.deploy.page import PACKAGE
from kdml.deploy.pictures import OUTLINES, outlined
from kdml.deploy.predict import predict

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
    page = page_of(browser, place.out, path, *words)
    yield page, Model(place.out, "ensemble", 1, int8=bool(words)), request.param
    page.close()


def page_of(browser, folder, path, *words):
    """The page of an exported folder, with what went wrong or left it as `problems`."""
    done = make(folder, RUNTIME, "--out", path, *words)
    assert done.returncode == 0 and "open it in a browser" in done.stdout, done.stderr
    page = browser.new_page()
    page.problems = []
    page.on("console", lambda said: page.problems.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda asked: page.problems.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_selector("#file:enabled, #problem:not(:empty)")
    assert page.inner_text("#state") == "Ready.", page.inner_text("#problem")
    return page


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


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def odd(picture):
    """Files of a picture in every mode that browsers take, with other sizes, colours and contrast: by name."""
    image = Image.fromarray(picture)
    small, grey, green = image.resize((70, 40)), image.convert("L"), Image.new("RGB", image.size, (0, 255, 0))
    palette, two = image.quantize(8), grey.point(lambda value: 255 * (value > 99), "1")
    made = {
        "same.png": encoded(image, "PNG"),
        "small.png": encoded(small, "PNG"),
        "grey.png": encoded(grey, "PNG"),
        "grey_of_4_bits.png": encoded(palette, "PNG", bits=4),
        "green.png": encoded(green, "PNG"),
        "dark.png": encoded(image.point(lambda value: value // 3), "PNG"),
        "two.png": encoded(two, "PNG"),
        "whole.png": encoded(image.convert("RGBA"), "PNG"),
        "grey_and_whole.png": encoded(grey.convert("LA"), "PNG"),
        "moving.png": encoded(image, "PNG", save_all=True, append_images=[green, small.resize(image.size)]),
        "photo.jpg": encoded(image, "JPEG", quality=95),
        "grey.jpg": encoded(grey, "JPEG", quality=95, progressive=True),
        "two.jpg": encoded(image, "MPO", save_all=True, append_images=[green], quality=95),
        "plain.webp": encoded(image, "WEBP", lossless=True),
        "lossy.webp": encoded(image, "WEBP"),
        "clear.webp": encoded(image.convert("RGBA"), "WEBP", lossless=True, exact=True),
        "moving.webp": encoded(image, "WEBP", lossless=True, save_all=True, append_images=[green]),
        "plain.bmp": encoded(image, "BMP"),
        "grey.bmp": encoded(grey, "BMP"),
        "palette.bmp": encoded(palette, "BMP"),
        "two.bmp": encoded(two, "BMP"),
    }
    return made


def test_it_warns_in_the_words_of_predict_and_where_that_does(place, opened, pictures, tmp_path):
    page, model, _ = opened
    files = odd(pictures[0]) | {f"{number}.png": png(picture) for number, picture in enumerate(pictures[:3])}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    rows = predict(model, tmp_path, tmp_path / "out").rows
    expected = {row["file"]: row["unlike_training"] for row in rows}
    found = {}
    for name, content in files.items():
        assert isinstance(given(page, name, content), dict), page.inner_text("#problem")
        found[name] = (
            page.inner_text("#unlike")
            .removeprefix("Unlike the pictures of the training: ")
            .removesuffix(". Do not rely on it.")
        )
    assert found == expected
    assert "" in expected.values() and "mode L (training: RGB)" in expected["grey.jpg"]
    assert f"height 40 (training: {DRAWN}); width 70 (training: {DRAWN})" in expected["small.png"]
    assert (
        "colours or contrast (distance" in expected["green.png"] and "the first of 3 frames" in expected["moving.png"]
    )


@pytest.fixture(scope="module")
def several(browser, tmp_path_factory):
    """The page of networks whose masks have three classes, and their graph."""
    folder = tmp_path_factory.mktemp("several")
    values = (("background", 0), *SHAPES.items())
    own = Own("shapes", table="list.csv", image="file", mask="mask", group="patient", mask_values=values)
    made = ExportedPlace(folder, "segmentation", own, written(folder / "mine", shapes(24, DRAWN)))
    made.add("kd_ml_v3", {"s1": 0.6, "s2": 0.7, "teacher": 0.9})
    code, said = made.export()
    assert code == 0, said
    page = page_of(browser, made.out, folder / "page.html")
    yield page, Model(made.out, "ensemble", 1)
    page.close()


def test_masks_of_several_classes_have_their_colours_and_a_legend(several, tmp_path):
    page, model = several
    files = {name: content for name, content in shapes(4, 56, seed=3).items() if name.startswith("pictures/")}
    written(tmp_path / "in", files)
    rows = {row["file"]: row for row in predict(model, tmp_path / "in", tmp_path / "out").rows}
    seen = set()
    for name, content in files.items():
        found, row = given(page, name.rpartition("/")[2], content), rows[name]
        answer = model(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))
        assert found["marked pixels"] == str(row["marked_pixels"]) and found["marked share"] == row["marked_share"]
        for number, one in enumerate(SHAPES, 1):
            share = (answer["mask"] == number).mean()
            assert found[f"pixels of {one}"] == f"{row[f'pixels_of_{one}']} ({share:.6f})"
        assert float(found["Dice of students"]) == pytest.approx(float(row["dice_of_students"]), abs=1e-3)
        assert float(found["largest probability"]) == pytest.approx(float(row["largest_probability"]), abs=1e-4)
        assert np.array_equal(shown(page), np.asarray(Image.open(tmp_path / f"out/overlays/{name}.png")))
        assert page.inner_text("#unlike").count("mode") == row["unlike_training"].count("mode")
        seen |= set(np.unique(answer["mask"]).tolist())
    colours = page.evaluate("[...document.querySelectorAll('.colour')].map(one => one.style.background)")
    assert colours == [f"rgb{colour}" for colour in OUTLINES[: len(SHAPES)]] and len(seen) > 1
    assert page.problems == []


@pytest.mark.bad_input
def test_what_is_no_picture_or_would_be_cut_is_told_and_the_next_is_predicted(opened, pictures):
    page, _, _ = opened
    grey = np.zeros((20, 20), np.uint16)
    clear = np.full((20, 20, 4), 9, np.uint8)
    image, other = (Image.fromarray(np.full((20, 20, 3), value, np.uint8)) for value in (9, 99))
    behind = encoded(image, "PNG", save_all=True, append_images=[other, image], default_image=True)
    for name, content, message in (
        ("words.png", b"no picture", "words.png cannot be read as a picture"),
        ("moving.gif", encoded(image, "GIF"), "moving.gif cannot be read as a picture"),
        ("deep.png", png(grey), "deep.png has 16 bits a channel"),
        ("clear.png", png(clear), "clear.png has transparent pixels"),
        ("behind.png", behind, "behind.png has an animation that browsers show in place of its picture"),
    ):
        assert message in given(page, name, content) and not page.is_visible("#result")
    assert given(page, "good.png", png(pictures[0])) and page.is_visible("#result") and not page.is_visible("#problem")


@pytest.mark.bad_input
def test_it_refuses_what_predict_refuses(opened, pictures, tmp_path):
    """Transparent pixels, and formats that only browsers know, whatever a file is called; not a channel of opaque ones."""
    page, model, _ = opened
    image = Image.fromarray(pictures[0])
    faint, palette, colour = image.convert("RGBA"), image.quantize(8), tuple(pictures[0][3, 3].tolist())
    faint.putpixel((2, 5), (1, 2, 3, 254))
    files = {
        "faint.png": encoded(faint, "PNG"),
        "faint.webp": encoded(faint, "WEBP", lossless=True),
        "palette.png": encoded(palette, "PNG", transparency=0),
        "colour.png": encoded(image, "PNG", transparency=colour),
        "moving.png": encoded(image, "GIF"),
        "opaque.png": encoded(image.convert("RGBA"), "PNG"),
        "opaque_palette.png": encoded(palette, "PNG", transparency=bytes([255] * 8)),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    said = {row["file"]: row.get("problem", "") for row in predict(model, tmp_path, tmp_path / "out").rows}
    found = {name: given(page, name, content) for name, content in files.items()}
    assert {name for name, one in found.items() if isinstance(one, str)} == {name for name in said if said[name]}
    assert {name for name in said if not said[name]} == {"opaque.png", "opaque_palette.png"}
    words = "has transparent pixels, whose colour is unknown."
    assert (
        [name for name in files if words in said[name]]
        == [name for name in files if words in found[name]]
        == [*files][:4]
    )


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
    ):
        write_json(folder / "export.json", facts | changed)
        done = make(folder, tmp_path, "--out", tmp_path / "page.html")
        assert done.returncode == 2 and message in done.stderr and "use predict.pyz" in done.stderr
        assert not (tmp_path / "page.html").exists()
