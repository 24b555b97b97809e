"""What the check says of prepared data: classes, groups, metadata, doubles, and what each way to split them would leak."""

import numpy as np
import pandas as pd
import pytest

from kdml.common.errors import UserError
from kdml.data import check

HASH = 0x0123456789ABCDEF
FRACTIONS = (0.5, 0.25, 0.25)


def index_of(count=24, group=lambda number: f"p{number // 2}", **columns):
    """Pictures of two classes, two of each patient, none like another."""
    hashes = np.random.default_rng(0).integers(0, 2**63, count, dtype=np.uint64)
    return pd.DataFrame(
        {
            "row": range(count), "id": [f"i{number}" for number in range(count)], "label": [number % 2 for number in range(count)],
            "label_name": [("a", "b")[number % 2] for number in range(count)], "group": [group(number) for number in range(count)],
            "sha256": [f"{number:064}" for number in range(count)], "dhash": [f"{one:016x}" for one in hashes], **columns,
        }
    )  # fmt: skip


def with_hashes(index, hashes):
    for row, one in hashes.items():
        index.loc[row, "dhash"] = f"{one:016x}"
    return index


def test_classes_and_groups_are_counted():
    index = index_of().drop(index=[0, 2]).reset_index(drop=True)
    assert check.classes_of(index) == [
        {"class": "a", "images": 10, "share": 10 / 22, "groups": 10}, {"class": "b", "images": 12, "share": 12 / 22, "groups": 12}
    ]  # fmt: skip
    assert check.groups_of(index) == {
        "groups": 12, "smallest": 1, "median": 2, "largest": 2, "of_several_classes": 10, "images_of_unknown_group": 0
    }  # fmt: skip
    assert check.groups_of(index_of(group=lambda number: "")) == {"groups": 0, "images_of_unknown_group": 24}


def test_metadata_are_counted_where_values_are_few():
    sexes = ["", *(["f", "m", "f"] * 7), "m", "m"]
    index = index_of(metadata_sex=sexes, metadata_age=[str(number) for number in range(24)], source="x")
    assert check.metadata_of(index) == {
        "sex": {"values": 2, "missing": 1, "counts": {"f": 14, "m": 9}}, "age": {"values": 24, "missing": 0, "counts": {}}
    }  # fmt: skip


def test_pictures_that_look_alike_are_paired_the_worst_first():
    index = with_hashes(index_of(), {0: HASH, 1: HASH ^ 1, 6: HASH ^ 0b111, 9: HASH ^ 0b11111 << 40, 12: 0, 14: 1})
    found = check.near_duplicates(index)
    pairs = [
        (one["first"], one["second"], one["distance"], one["same_group"], one["same_class"])
        for one in found["examples"]
    ]
    assert pairs == [("i1", "i6", 2, False, False), ("i0", "i6", 3, False, True), ("i0", "i1", 1, True, False)]
    assert (found["pairs"], found["across_groups"], found["across_classes"], found["flat_images_not_judged"]) == (
        3,
        2,
        2,
        2,
    )
    assert found["examples"][0]["rows"] == [1, 6]
    unknown = check.near_duplicates(with_hashes(index_of(group=lambda number: ""), {0: HASH, 1: HASH}))
    assert unknown["across_groups"] == 1


def test_pairs_are_the_same_in_blocks(monkeypatch):
    index = with_hashes(index_of(), {number: HASH ^ number for number in range(24)})
    whole = check.near_duplicates(index)
    monkeypatch.setattr("kdml.data.leakage.BLOCK_PAIRS", 50)
    assert check.near_duplicates(index) == whole and whole["pairs"] > 100 and len(whole["examples"]) == 20


def test_every_way_to_split_is_tried():
    by_image, grouped = check.checked("mine", index_of(), {"read": 24, "kept": 24}, FRACTIONS, 0, ["grouped"])["splits"]
    assert (by_image["protocol"], by_image["is_used"], grouped["is_used"]) == ("paper", False, True)
    assert by_image["leakage"]["test_with_group_in_train"] > 0 == grouped["leakage"]["test_with_group_in_train"]


@pytest.mark.bad_input
def test_a_split_that_cannot_be_is_refused_where_it_is_used():
    index = index_of(group=lambda number: f"p{number % 2}")
    with pytest.raises(UserError, match="The class 'a' has 12 images in 1 known groups"):
        check.checked("mine", index, {}, FRACTIONS, 0, ["grouped"])
    _, grouped = check.checked("mine", index, {}, FRACTIONS, 0, ["paper"])["splits"]
    assert grouped["leakage"] is None and "The class 'a' has 12 images in 1 known groups" in grouped["refused"]


def test_samples_are_spread_over_each_class():
    found = check.samples(index_of(48))
    assert found["a"][0] == 0 and found["a"][-1] == 46 and len(found["a"]) == len(found["b"]) == 8
    assert check.samples(index_of(6)) == {"a": [0, 2, 4], "b": [1, 3, 5]}
