"""Masks of several exclusive classes of a user's own: grey and palette files become numbers of classes; what is not declared is refused."""

import base64
import io
import json

import numpy as np
import pytest
from own_files import SHAPES, png, shapes, written
from PIL import Image
from pyarrow import parquet

from kdml.common.errors import UserError
from kdml.data.archives import record_of
from kdml.data.check import checked
from kdml.data.layouts import Choice
from kdml.data.mask_classes import MaskClasses, strata
from kdml.data.originals import Originals
from kdml.data.own import Own, own_of
from kdml.data.prepare import prepare
from kdml.data.split import make_split, read_index
from kdml.reporting.data_page import MARKS, picture, section

VALUES = (("background", 0), *SHAPES.items())
COLUMNS = {"table": "list.csv", "image": "file", "mask": "mask", "group": "patient"}
OWN = Own("mine", **COLUMNS, mask_values=VALUES)
SIZE = 64


def prepared(folder, files, out, own=OWN, size=SIZE):
    source = written(folder, files)
    return prepare("mine", [record_of("own_mine", source, "folder")], size, Choice(), out, folder=source, own=own)


def masks_of(files):
    count = sum(name.startswith("masks/") for name in files)
    return [np.asarray(Image.open(io.BytesIO(files[f"masks/{number}.png"]))) for number in range(count)]


def test_grey_and_palette_masks_become_numbers(tmp_path):
    files = shapes(30, SIZE)
    report = prepared(tmp_path / "mine", files, tmp_path / "out")
    found = np.load(tmp_path / "out/masks.npy")
    index = {row["id"]: row for row in parquet.read_table(tmp_path / "out/index.parquet").to_pylist()}
    for number, mask in enumerate(masks_of(files)):
        row = index.get(f"pictures/{number}.png")
        if row is not None:
            assert (found[row["row"]] == np.searchsorted([0, 1, 2, 7], mask)).all()
    assert report["files"]["masks"].keys() == {"PNG, mode L, 8 bits", "PNG, mode P, 8 bits"}
    # By hand: pictures and patients with the class, and its share of the pixels.
    masks = [mask for number, mask in enumerate(masks_of(files)) if f"pictures/{number}.png" in index]
    patients = [index[name]["group"] for name in (f"pictures/{number}.png" for number in range(30)) if name in index]
    for (name, value), said in zip(VALUES, report["mask_classes"], strict=True):
        has = [bool((mask == value).any()) for mask in masks]
        assert (said["class"], said["images"]) == (name, sum(has))
        assert said["groups"] == len({one for one, there in zip(patients, has, strict=True) if there})
        assert said["pixels"] == pytest.approx(np.mean([(mask == value).mean() for mask in masks]))


def test_a_mask_is_resized_by_its_nearest_class(tmp_path):
    """No class comes up that is between two others."""
    prepared(tmp_path / "mine", shapes(30, 96), tmp_path / "out", size=32)
    prepared(tmp_path / "mine", shapes(30, 96), tmp_path / "large", size=96)
    small, large = np.load(tmp_path / "out/masks.npy"), np.load(tmp_path / "large/masks.npy")
    assert (small == large[:, 1::3, 1::3]).all() and set(np.unique(small)) == {0, 1, 2, 3}


def test_every_class_is_in_every_part(tmp_path):
    """Labels are the rarest class of a mask, and splits keep their shares."""
    prepared(tmp_path / "mine", shapes(60, SIZE), tmp_path / "out")
    index, masks = read_index(tmp_path / "out/index.parquet"), np.load(tmp_path / "out/masks.npy")
    assert set(index["label_name"]) == {"unmarked", *SHAPES}
    for label, row in zip(index["label"], index["row"], strict=True):
        assert (label in masks[row]) if label else not masks[row].any()
    for protocol in ("paper", "grouped"):
        split = make_split(index, protocol, (0.6, 0.2, 0.2), 0).table
        for part, rows in split.groupby("part"):
            assert set(np.unique(masks[rows["row"]])) == {0, 1, 2, 3}, part


def test_a_class_that_is_rarely_the_rarest_stands_with_the_most_frequent():
    pixels = np.array([[9, 1, 1], [9, 0, 1], [9, 0, 1], [9, 0, 1], [9, 1, 0], [9, 1, 1], [9, 0, 0]])
    # Class 1 is in three, class 2 in five; the one without any is too few to be a stratum.
    assert strata(pixels, [""] * 7).tolist() == [1, 2, 2, 2, 1, 1, 2]
    assert strata(pixels, list("abcdaae")).tolist() == [2] * 7  # one patient has class 1, four have class 2


def test_a_frequent_class_that_has_little_left_stands_with_the_one_that_has_most():
    """Most pictures have class 2, but nearly all of them a rarer one, too: the rest is not left alone with it."""
    pixels = np.array([[1, 1, 1]] * 4 + [[1, 0, 1]] * 2 + [[1, 0, 0]] * 3)
    assert strata(pixels, [""] * 9).tolist() == [1] * 6 + [0] * 3
    assert strata(pixels[:6], [""] * 6).tolist() == [1] * 6


def test_the_check_says_what_masks_hold(tmp_path):
    report = prepared(tmp_path / "mine", shapes(30, SIZE), tmp_path / "out")
    facts = checked("mine", read_index(tmp_path / "out/index.parquet"), report, (0.6, 0.2, 0.2), 0, ["grouped"])
    assert facts["mask_classes"] == report["mask_classes"] == section(facts, {}, [])["mask_classes"]


def test_outlines_of_samples_have_the_colour_of_their_class():
    mask = np.zeros((112, 112), np.uint8)
    mask[:50, :50], mask[60:, 60:] = 1, 3
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(
        picture(np.zeros((112, 112, 3), np.uint8), mask).split(",")[1]))))  # fmt: skip
    assert tuple(drawn[49, 20]) == MARKS[0] and tuple(drawn[60, 80]) == MARKS[2] and not drawn[20, 20].any()


def test_export_knows_the_values(tmp_path):
    """What the report keeps of the data set leads to the same decoding."""
    prepared(tmp_path / "mine", shapes(30, SIZE), tmp_path / "out")
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert own_of(report["own"], None).mask_classes() == MaskClasses(
        ("background", "disc", "ring", "bar"), (0, 1, 2, 7)
    )
    assert Originals("mine", [], None, tmp_path / "out").mask_values == [0, 1, 2, 7]


def grey(value, mode="L", side=SIZE):
    return png(Image.fromarray(np.full((side, side), value, np.uint8)).convert(mode))


REFUSED = {
    "undeclared value": ({"masks/3.png": grey(5)}, {}, r"mine: masks/3.png has values that are no class's: 5 \(5 at 4096 pixels\); declared are background 0, disc 1, ring 2, bar 7"),
    "colours": ({"masks/3.png": grey(1, "RGB")}, {}, "masks/3.png is of mode RGB; a mask of several classes has one value at each pixel"),
    "black and white": ({"masks/3.png": grey(255)}, {}, "masks/3.png has values that are no class's: 255"),
    "other size": ({"masks/3.png": grey(1, side=32)}, {}, r"pictures/3.png and its mask differ in size \(64x64 and 32x32\)"),
    "class without masks": ({}, {"mask_values": (*VALUES, ("star", 9))}, "mine: no mask has the class 'star'"),
    "nothing marked": ({f"masks/{n}.png": grey(0) for n in range(30)}, {}, "mine: no mask has the class 'disc'"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("changed", "options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_masks_must_not_be(changed, options, words, tmp_path):
    own = Own("mine", **COLUMNS, **({"mask_values": VALUES} | options))
    with pytest.raises(UserError, match=words):
        prepared(tmp_path / "mine", shapes(30, SIZE) | changed, tmp_path / "out", own)
    assert list((tmp_path / "out").glob("*")) == []


@pytest.mark.bad_input
def test_a_class_of_too_few_patients_is_named(tmp_path):
    files = shapes(30, SIZE)
    few = {f"masks/{number}.png": grey(9) for number in range(4)}  # of two patients
    own = Own("mine", **COLUMNS, mask_values=(*VALUES, ("star", 9)))
    with pytest.raises(UserError, match="mine: the class 'star' is in the masks of 2 groups, too few to be in train"):
        prepared(tmp_path / "mine", files | few, tmp_path / "out", own)


@pytest.mark.bad_input
def test_all_masks_with_undeclared_values_are_named_at_once(tmp_path):
    changed = {f"masks/{number}.png": grey(number + 10) for number in (2, 4)}
    with pytest.raises(UserError) as caught:
        prepared(tmp_path / "mine", shapes(30, SIZE) | changed, tmp_path / "out")
    assert "masks/2.png has values that are no class's: 12" in str(caught.value) and "masks/4.png" in str(caught.value)
