"""Rows of the index: doubles with and without masks, classes that would vanish with them, labels that nothing could be split by."""

import numpy as np
import pandas as pd
import pytest
from own_files import png, shapes, written
from PIL import Image

from kdml.common.errors import UserError
from kdml.data.archives import record_of
from kdml.data.check import checked
from kdml.data.layouts import Choice
from kdml.data.leakage import leakage_report
from kdml.data.own import Own
from kdml.data.prepare import prepare
from kdml.data.split import IMAGE_SHA256, check_classes, make_split, read_index

SIZE = 16
CLASSES = ("a", "b")
FRACTIONS = (0.6, 0.15, 0.25)


def picture(seed):
    return png(Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)))


def mask(number):
    values = np.zeros((SIZE, SIZE), np.uint8)
    values[: number % 8, 3 : 9 + number // 8] = 255
    return png(Image.fromarray(values))


def prepared(folder, files, own):
    source = written(folder / "mine", files)
    report = prepare(
        "mine", [record_of("own_mine", source, "x")], SIZE, Choice(), folder / "out", folder=source, own=own
    )
    return report, read_index(folder / "out/index.parquet")


def by_folder(seed):
    return {f"{name}/{number}.png": picture(seed(name, number)) for name in CLASSES for number in range(9)}


@pytest.mark.bad_input
def test_a_class_that_is_left_out_altogether_is_refused(tmp_path):
    files = by_folder(lambda name, number: 5 if name == "a" else number)  # all of a, and 5 of b, are one picture
    with pytest.raises(UserError, match=r"no picture of the class 'a' is left; 9 were left out.* such as a/0\.png") as caught:  # fmt: skip
        prepared(tmp_path, files, Own("mine", CLASSES))
    assert "labels" in caught.value.remedy and not list((tmp_path / "out").glob("*"))


def test_a_class_that_keeps_some_pictures_is_none_of_these(tmp_path):
    report, _ = prepared(tmp_path, by_folder(lambda name, number: number + 4 * (name == "a")), Own("mine", CLASSES))
    assert report["classes"] == {"a": 4, "b": 4}
    assert report["dropped"]["same content with different labels"]["count"] == 10


def with_masks(cell, seed):
    """A table of 24 pictures with a mask of their own each; `cell` gives their class, `seed` the picture."""
    rows = [
        f"p{number}.png,{cell(number)},m{number}.png,{number}" for number in range(24)
    ]  # each of a patient of its own
    pictures = {f"p{number}.png": picture(seed(number)) for number in range(24)}
    masks = {f"m{number}.png": mask(number + 1 + number // 7) for number in range(24)}
    return pictures | masks | {"list.csv": "\n".join(["file,class,mask,patient", *rows])}


NAMED = {"table": "list.csv", "image": "file", "mask": "mask", "group": "patient"}
TABLE = Own("mine", CLASSES, label="class", **NAMED)


def test_a_picture_with_two_masks_is_one_picture_to_the_report_on_leakage(tmp_path, caplog):
    files = with_masks(lambda number: "ab"[number // 2 % 2], lambda number: number // 2)
    report, index = prepared(tmp_path, files, TABLE)
    assert report["kept"] == 24 and report["several_masks"]["count"] == 12
    assert report["several_masks"]["pictures"][0] == ["p0.png", "p1.png"] and "masks that differ" in caplog.text
    split = make_split(index, "grouped", FRACTIONS, 0)
    parts = split.table["part"].to_numpy().reshape(12, 2)
    apart = int((parts[:, 0] != parts[:, 1]).sum())
    told = leakage_report(index, split, "task", "grouped", 0)["exact_duplicates"]
    assert told["contents_in_several_parts"] == apart > 0
    copied = told["test_images_with_copy_in"]["train"]["images"]
    assert copied == sum({"train", "test"} == set(pair) for pair in parts.tolist()) > 0
    assert checked("mine", index, report, FRACTIONS, 0, ["grouped"])["several_masks"]["count"] == 12


def test_an_index_of_an_earlier_version_tells_the_same(tmp_path):
    _, index = prepared(tmp_path, with_masks(lambda number: "ab"[number % 2], lambda number: number + 1), TABLE)
    path = tmp_path / "out/index.parquet"
    pd.read_parquet(path).drop(columns=IMAGE_SHA256).to_parquet(path)
    pd.testing.assert_frame_equal(read_index(path)[index.columns], index)


def test_a_picture_with_two_masks_and_two_labels_is_left_out(tmp_path):
    files = with_masks(lambda number: "ab"[number % 2], lambda number: 0 if number == 3 else number)
    report, index = prepared(tmp_path, files, TABLE)
    assert report["dropped"]["same content with different labels"]["files"] == ["p0.png", "p3.png"]
    assert not {"p0.png", "p3.png"} & set(index["id"]) and "several_masks" not in report


def test_labels_by_mask_do_not_make_two_masks_a_contradiction(tmp_path):
    files = with_masks(lambda _: "a", lambda number: 0 if number == 3 else number)
    files["m3.png"] = mask(0)
    report, _ = prepared(tmp_path, files, Own("mine", **NAMED))
    assert report["kept"] == 24 and report["several_masks"]["pictures"] == [["p0.png", "p3.png"]]


@pytest.mark.parametrize("unmarked", [1, 2, 3])
def test_few_masks_that_mark_nothing_do_not_hinder_a_split(unmarked, tmp_path):
    files = {f"images/{number}.png": picture(number) for number in range(20)}
    files |= {f"masks/{number}.png": mask(0 if number < unmarked else 3 + number) for number in range(20)}
    for number in range(unmarked, 20):
        files[f"masks/{number}.png"] = mask(1 + number % 7)
    report, index = prepared(tmp_path, files, Own("mine"))
    assert report["classes"] == {"unmarked": unmarked, "marked": 20 - unmarked}
    assert [len(names) for names in index["in_mask"]] == [0] * unmarked + [1] * (20 - unmarked)
    make_split(index, "paper", (0.75, 0.1, 0.15), 0)


def test_a_split_counts_the_masks_that_have_a_class_not_those_of_its_stratum(tmp_path):
    values = (("background", 0), ("disc", 1), ("ring", 2), ("bar", 7))
    own = Own("mine", table="list.csv", image="file", mask="mask", group="patient", mask_values=values)
    report, index = prepared(tmp_path, shapes(24, SIZE), own)
    of_ring = index[[("ring" in names) for names in index["in_mask"]]]
    said = next(one for one in report["mask_classes"] if one["class"] == "ring")
    assert len(of_ring) == said["images"] > (index["label_name"] == "ring").sum()
    alone = index.assign(in_mask=[["ring"] if row < 3 else ["disc"] for row in range(len(index))])
    one_part = pd.Series(["train"] * 10 + ["validation"] * 4 + ["test"] * (len(index) - 14))
    split = index.assign(part=one_part)
    with pytest.raises(
        UserError, match=r"The class 'ring' is in the masks of 3 images in 2 known groups, and none of them"
    ):
        check_classes(split, alone)
    check_classes(split, index.assign(in_mask=[["ring", "disc"]] * len(index), label=0))
    # A stratum that is missing from a part is no class that is missing.
    check_classes(split, index.assign(in_mask=[["disc"]] * len(index)))
