"""The page of the check of data says what was found, and shows it."""

import base64
import io
import re

import numpy as np
from PIL import Image

from kdml.data.leakage import PARTS
from kdml.reporting.data_page import MARKS, SIDE, picture, section
from kdml.reporting.templates import fill

LEAKAGE = {
    "task": "moles", "protocol": "grouped", "seed": 0, "split_by": "group", **{f"{part}_images": 7 for part in PARTS}, "test_groups": 3,
    "test_with_group_in_train": 0, "test_with_group_in_train_share": 0.0, "test_with_group_in_validation": 0,
    "test_with_group_in_validation_share": 0.0, "exact_duplicates_across_parts": 0, "test_with_copy_in_train": 0,
    "test_near_duplicate_same_group": 0, "test_near_duplicate_same_group_share": 0.0, "test_near_duplicate_other_group": 2,
    "test_near_duplicate_other_group_share": 0.25, "images_of_unknown_group": 0, "flat_images_not_judged": 0, "warnings": "",
}  # fmt: skip
PAIR = {"first": "a<b", "second": "c", "rows": [0, 1], "distance": 2, "same_group": False, "same_class": False}
FACTS = {
    "dataset": "moles", "read": 30, "kept": 28, "size": 64, "dropped": {"same content as another picture": {"count": 2, "files": ["x", "y"]}},
    "files": {"images": {"PNG, mode L, 8 bits": 30}, "sizes": {"64x48": 29}, "different_sizes": 2,
              "mask_values": {"0": 28, "255": 27}, "different_mask_values": 5},
    "several_masks": {"count": 1, "pictures": [["p", "q"]]}, "spacing": {"known": 27, "mm_down": [0.5, 0.75], "mm_across": [0.25, 0.25]},
    "classes": [{"class": "benign & so", "images": 28, "share": 1.0, "groups": 9}],
    "mask_classes": [{"class": "background", "images": 28, "groups": 9, "pixels": 0.9}, {"class": "rim & so", "images": 7, "groups": 0, "pixels": 0.1}],
    "groups": {"groups": 9, "smallest": 1, "median": 3, "largest": 5, "of_several_classes": 0, "images_of_unknown_group": 0},
    "metadata": {"age": {"values": 40, "missing": 3, "counts": {}}, "sex": {"values": 2, "missing": 0, "counts": {"f": 20, "m": 8}}},
    "near_duplicates": {"max_distance": 4, "pairs": 1, "across_groups": 1, "across_classes": 1, "flat_images_not_judged": 2, "examples": [PAIR]},
    "splits": [
        {"protocol": "paper", "is_used": False, "refused": "Too few images.", "leakage": None},
        {"protocol": "grouped", "is_used": True, "refused": "", "leakage": LEAKAGE},
    ],
}  # fmt: skip


def words(page):
    content = page[page.index("<!-- content -->") : page.index("<!-- /content -->")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", content))


def test_page_says_what_was_found():
    shown = section(FACTS, {"benign & so": ["data:1", "data:2"]}, [["data:3", "data:4"]])
    page = fill("check_data.html.j2", note="A note", sections=[shown])
    said = words(page)
    for part in (
        "A note", "28 of 30 that were read; scaled to 64 pixels", "30 PNG, mode L, 8 bits",
        "grey values in masks 0 (28), 255 (27) and 3 more", "0.5 to 0.75 mm down, 0.25 mm across; unknown of 1 pictures, so distances are in pixels", "64x48 (29) and 1 more", "benign &amp; so : 28 pictures (100.0 %) of 9 groups",
        "age 40 different values; missing: 3", "sex f: 20, m: 8", "Left out: 2, same content as another picture", "1 pairs of pictures look alike", "There several times, with masks that differ: 1 p and q",
        "2 flat pictures cannot be judged", "a&lt;b and c, 2 bits apart, of two classes", "In use: split by patient, lesion or slide",
        "Split by image: Too few images.", "2 (25.0 %)", "background 28 masks of 9 groups; 90.00 % of all pixels", "rim &amp; so 7 masks; 10.00 %",
    ):  # fmt: skip
        assert part in said, part
    assert [page.count(f'src="data:{number}"') for number in (1, 2, 3, 4)] == [1] * 4
    nothing_left_out = section(
        FACTS | {"spacing": {}, "several_masks": {}, "dropped": {}, "metadata": {}, "mask_classes": []},
        {"benign & so": []},
        [[]],
    )
    said = words(fill("check_data.html.j2", note="", sections=[nothing_left_out]))
    assert "No picture was left out." in said and "Classes of the masks" not in said and " mm " not in said


def test_samples_show_the_outline_of_their_mask():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[10:30, 10:30] = 1
    drawn = picture(np.zeros((SIDE, SIDE, 3), np.uint8), mask)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn.partition(",")[2]))))
    marked = (pixels == MARKS[0]).all(axis=-1)
    assert marked.sum() == 4 * 19 and marked[10, 10] and not marked[11, 11] and not marked[9, 9]
