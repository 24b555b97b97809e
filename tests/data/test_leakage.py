"""Leakage: planted duplicates and groups are counted exactly, and the real lesions leak as they are known to."""

import json
import subprocess
import sys
import time
import zipfile

import numpy as np
import pandas as pd
import pytest

from kdml.common.errors import UserError
from kdml.data.arrays import PARTS
from kdml.data.leakage import EXAMPLES, leakage_report, leakage_table, parse_hashes
from kdml.data.split import SPLIT_COLUMNS, Split, make_split

FRACTIONS = (0.75, 0.10, 0.15)


def hex_hash(value):
    return f"{value:016x}"


def random_hashes(count, seed=0):
    """Hashes with about half of the bits set: any two differ in far more than a few bits."""
    return [hex_hash(value) for value in np.random.default_rng(seed).integers(0, 2**64, count, np.uint64).tolist()]


def flipped(digits, bits):
    """A hash that differs in the lowest `bits` bits."""
    return hex_hash(int(digits, 16) ^ ((1 << bits) - 1))


def planted(train=60, validation=10, test=20):
    """An index and its split with nothing in common between the parts; tests plant what they look for."""
    parts = ["train"] * train + ["validation"] * validation + ["test"] * test
    count = len(parts)
    index = pd.DataFrame(
        {
            "row": range(count),
            "id": [f"{part}-{row}" for row, part in enumerate(parts)],
            "label": [row % 2 for row in range(count)],
            "label_name": [("benign", "malignant")[row % 2] for row in range(count)],
            "group": [f"g{row}" for row in range(count)],
            "sha256": [f"{row:064x}" for row in range(count)],
            "dhash": random_hashes(count),
        }
    )
    return index, parts


def report_of(index, parts, **options):
    table = index.assign(part=parts)[list(SPLIT_COLUMNS)]
    return leakage_report(index, Split(table, "image"), "task", "paper", 0, **options)


def near_of(report, kind):
    return report["near_duplicates"]["test_images_with_near_duplicate_in_train"][kind]["images"]


def test_clean_split_leaks_nothing():
    report = report_of(*planted())
    assert report["groups"]["test_images_with_group_in"] == {
        "train": {"images": 0, "share": 0.0},
        "validation": {"images": 0, "share": 0.0},
    }
    assert report["exact_duplicates"]["contents_in_several_parts"] == 0
    assert [near_of(report, kind) for kind in ("same_group", "other_group", "any")] == [0, 0, 0]
    assert report["near_duplicates"]["examples"] == []


def test_parts_are_described():
    report = report_of(*planted())
    assert report["parts"]["train"] == {
        "images": 60,
        "share": 60 / 90,
        "groups": 60,
        "classes": {"benign": 30, "malignant": 30},
    }
    assert [report["parts"][part]["images"] for part in PARTS] == [60, 10, 20]
    json.dumps(report)


def test_planted_groups_are_counted():
    index, parts = planted()
    index.loc[[70, 71, 72], "group"] = index.loc[3, "group"]
    index.loc[[73, 74], "group"] = index.loc[65, "group"]
    index.loc[[0, 1, 80, 81], "group"] = ""
    groups = report_of(index, parts)["groups"]
    assert groups["test_images_with_group_in"]["train"] == {"images": 3, "share": 3 / 20}
    assert groups["test_images_with_group_in"]["validation"] == {"images": 2, "share": 2 / 20}
    assert groups["images_of_unknown_group"] == 4


def test_without_any_known_group_nothing_is_claimed():
    index, parts = planted()
    report = report_of(index.assign(group=""), parts)
    assert report["groups"]["test_images_with_group_in"]["train"] == {"images": None, "share": None}
    assert leakage_table([report])[0]["test_with_group_in_train_share"] is None


def test_planted_exact_duplicates_are_counted():
    index, parts = planted()
    index.loc[[70, 71], "sha256"] = index.loc[3, "sha256"]
    index.loc[61, "sha256"] = index.loc[4, "sha256"]
    index.loc[72, "sha256"] = index.loc[65, "sha256"]
    index.loc[6, "sha256"] = index.loc[5, "sha256"]  # both in training: no leak
    duplicates = report_of(index, parts)["exact_duplicates"]
    assert duplicates["contents_in_several_parts"] == 3
    assert duplicates["test_images_with_copy_in"]["train"] == {"images": 2, "share": 0.1}
    assert duplicates["test_images_with_copy_in"]["validation"]["images"] == 1


def test_planted_near_duplicates_are_counted_by_group_and_distance():
    index, parts = planted()
    for row, bits in ((70, 0), (71, 4), (72, 5)):
        index.loc[row, "dhash"] = flipped(index.loc[row - 70, "dhash"], bits)
    for row in (73, 74):
        index.loc[row, ["dhash", "group"]] = [flipped(index.loc[10, "dhash"], 2), index.loc[10, "group"]]
    index.loc[75, "dhash"] = index.loc[62, "dhash"]  # like one in validation: not counted here
    report = report_of(index, parts)
    assert [near_of(report, kind) for kind in ("same_group", "other_group", "any")] == [2, 2, 4]
    assert near_of(report_of(index, parts, max_distance=5), "other_group") == 3
    assert near_of(report_of(index, parts, max_distance=0), "any") == 1
    assert report["near_duplicates"]["examples"] == [
        {"test": "test-70", "train": "train-0", "distance": 0, "same_group": False},
        {"test": "test-71", "train": "train-1", "distance": 4, "same_group": False},
        {"test": "test-73", "train": "train-10", "distance": 2, "same_group": True},
        {"test": "test-74", "train": "train-10", "distance": 2, "same_group": True},
    ]


def test_an_image_may_have_neighbours_of_both_kinds():
    index, parts = planted()
    index.loc[[1, 2, 70], "dhash"] = index.loc[0, "dhash"]
    index.loc[70, "group"] = index.loc[2, "group"]
    report = report_of(index, parts)
    assert [near_of(report, kind) for kind in ("same_group", "other_group", "any")] == [1, 1, 1]


def test_images_of_unknown_group_are_of_different_groups():
    index, parts = planted()
    index.loc[[0, 70], "dhash"] = index.loc[0, "dhash"]
    index.loc[[0, 70], "group"] = ""
    assert near_of(report_of(index, parts), "other_group") == 1


def test_flat_images_are_not_judged_but_counted():
    index, parts = planted()
    index.loc[[0, 70], "dhash"] = "0" * 16
    index.loc[[1, 71], "dhash"] = ["f" * 16, flipped("f" * 16, 2)]
    report = report_of(index, parts)
    assert report["near_duplicates"]["flat_images_not_judged"] == 4
    assert near_of(report, "any") == 0


def test_examples_are_limited():
    index, parts = planted(train=60, test=40)
    index["dhash"] = index.loc[0, "dhash"]
    report = report_of(index, parts)
    assert near_of(report, "other_group") == 40 and len(report["near_duplicates"]["examples"]) == EXAMPLES


def test_nearest_agrees_with_a_plain_count_over_all_pairs():
    rng = np.random.default_rng(1)
    index, parts = planted(train=150, test=50)
    base = rng.integers(0, 2**64, 12, np.uint64)
    noise = [sum(1 << int(bit) for bit in rng.choice(64, rng.integers(0, 5), False)) for _ in range(len(index))]
    index["dhash"] = [hex_hash(int(base[rng.integers(12)]) ^ flips) for flips in noise]
    index["group"] = [f"g{rng.integers(10)}" for _ in range(len(index))]
    test, train = (index[np.array(parts) == part] for part in ("test", "train"))
    expected = {"same_group": 0, "other_group": 0}
    for _, one in test.iterrows():
        near = [
            one["group"] == other["group"]
            for _, other in train.iterrows()
            if (int(one["dhash"], 16) ^ int(other["dhash"], 16)).bit_count() <= 4
        ]
        expected["same_group"] += any(near)
        expected["other_group"] += not all(near)
    report = report_of(index, parts)
    assert {kind: near_of(report, kind) for kind in expected} == expected
    assert min(expected.values()) > 10


def test_twenty_thousand_images_take_seconds():
    index, parts = planted(train=15_000, validation=2_000, test=3_000)
    start = time.perf_counter()
    report_of(index, parts)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("digits", ["abc", "0x12345678901234", "g" * 16, ""])
def test_impossible_hash_is_explained(digits):
    with pytest.raises(UserError) as error:
        parse_hashes(pd.Series(["0" * 16, digits]))
    assert f"'{digits}'" in error.value.problem and "prepare" in error.value.remedy


@pytest.mark.parametrize("distance", [-1, 32])
def test_impossible_distance_is_explained(distance):
    with pytest.raises(UserError, match=f"distance {distance}"):
        report_of(*planted(), max_distance=distance)


@pytest.fixture(scope="module")
def real_lesions(kaggle_archives):
    with zipfile.ZipFile(kaggle_archives / "skin-cancer-mnist-ham10000.zip") as archive:
        metadata = pd.read_csv(archive.open("HAM10000_metadata.csv"))
    return pd.DataFrame(
        {
            "row": range(len(metadata)),
            "id": metadata["image_id"],
            "label": pd.factorize(metadata["dx"], sort=True)[0],
            "label_name": metadata["dx"],
            "group": metadata["lesion_id"],
            "sha256": metadata["image_id"],
            "dhash": random_hashes(len(metadata)),
        }
    )


def test_split_by_image_shows_real_lesions_of_the_test_part_in_training(real_lesions):
    shares = []
    for seed in range(3):
        split = make_split(real_lesions, "paper", FRACTIONS, seed)
        groups = leakage_report(real_lesions, split, "ham10000", "paper", seed)["groups"]
        shares.append(groups["test_images_with_group_in"]["train"]["share"])
    # 37 % is the mean of 20 random splits, counted independently.
    assert np.mean(shares) == pytest.approx(0.37, abs=0.015)


def test_split_by_group_shows_none_of_them(real_lesions):
    split = make_split(real_lesions, "grouped", FRACTIONS, seed=0)
    groups = leakage_report(real_lesions, split, "ham10000", "grouped", 0)["groups"]
    assert [shared["images"] for shared in groups["test_images_with_group_in"].values()] == [0, 0]


def test_table_has_one_row_per_report_in_order():
    index, parts = planted()
    index.loc[70, "group"] = index.loc[3, "group"]
    report = report_of(index, parts)
    rows = leakage_table([report | {"task": "lgg"}, report | {"protocol": "grouped"}, report])
    assert [(row["task"], row["protocol"]) for row in rows] == [
        ("lgg", "paper"),
        ("task", "grouped"),
        ("task", "paper"),
    ]
    assert rows[0]["test_with_group_in_train"] == 1 and rows[0]["test_with_group_in_train_share"] == 0.05
    assert len({tuple(row) for row in rows}) == 1


def run_script(root, *arguments):
    command = [sys.executable, str(root / "src" / "leakage.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def write_splits(folder, *reports):
    path = folder / "splits.csv"
    path.write_text("\n".join(["report", *(str(folder / name) for name in reports), ""]))
    return path


def test_script(root, tmp_path):
    report = report_of(*planted())
    for protocol in ("paper", "grouped"):
        (tmp_path / f"{protocol}.json").write_text(json.dumps(report | {"protocol": protocol}))
    outs = [tmp_path / "leakage.csv", tmp_path / "leakage.md"]
    listed = write_splits(tmp_path, "paper.json", "grouped.json")
    words = ("--title", "Shared", "--caption", "Of a test.", "--tasks", f"{report['task']}=A task")
    done = run_script(root, "--splits", listed, *words, "--out", *outs)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(outs[0])["protocol"].tolist() == ["grouped", "paper"]
    lines = outs[1].read_text().splitlines()
    assert lines[:3] == ["# Shared", "", "Of a test."] and "## A task" in lines
    assert "|  | Split by patient, lesion or slide, seed 0 | Split by image, seed 0 |" in lines
    assert "| Test images whose patient, lesion or slide is in training, too | 0 (0.0 %) | 0 (0.0 %) |" in lines


@pytest.mark.parametrize(
    ("report", "out", "problem"),
    [
        ("missing.json", "leakage.csv", "missing.json does not exist"),
        ("other.json", "leakage.csv", "other.json is not a leakage report"),
        ("other.json", "leakage.xlsx", "leakage.xlsx has no known form"),
    ],
)
def test_script_explains_bad_input_and_writes_nothing(report, out, problem, root, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    done = run_script(root, "--splits", write_splits(tmp_path, report), "--out", tmp_path / out)
    assert done.returncode == 2 and problem in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / out).exists()
