"""Splits: stratified exactly by image, never through a group, and a check that finds what is wrong."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdml.common.errors import UserError
from kdml.common.files import sha256_of
from kdml.data.arrays import PARTS
from kdml.data.split import PROTOCOLS, check_disjoint, largest_remainder, make_split, read_index, write_split

FRACTIONS = (0.75, 0.10, 0.15)


def index_of(labels, groups=None):
    """An index of images that differ in everything but label and group."""
    labels = np.asarray(labels)
    rows = np.arange(len(labels))
    return pd.DataFrame(
        {
            "row": rows,
            "id": [f"image-{row:05d}" for row in rows],
            "label": labels,
            "label_name": [f"class-{label}" for label in labels],
            "group": [""] * len(labels) if groups is None else [str(group) for group in groups],
            "sha256": [f"{row:064x}" for row in rows],
            "dhash": [f"{int(row) * 2654435761:016x}" for row in rows],
            "source": "test",
        }
    )


def random_index(rng):
    """Groups of uneven size, with one or several labels per group."""
    groups = rng.integers(12, 90)
    sizes = rng.integers(1, 12, groups)
    home = np.arange(groups) % 3
    labels = np.concatenate(
        [
            np.where(rng.random(size) < 0.7, label, rng.integers(0, 3, size))
            for label, size in zip(home, sizes, strict=True)
        ]
    )
    shuffled = rng.permutation(len(labels))
    return index_of(labels[shuffled], np.repeat([f"patient-{g}" for g in range(groups)], sizes)[shuffled])


def counts_of(split):
    return pd.crosstab(split.table["label"], split.table["part"])[list(PARTS)].to_numpy().tolist()


@pytest.mark.parametrize(
    ("count", "fractions", "expected"),
    [
        (20, FRACTIONS, [15, 2, 3]),
        (30, (0.8, 0.1, 0.1), [24, 3, 3]),
        (7, FRACTIONS, [5, 1, 1]),
        (10, FRACTIONS, [8, 1, 1]),
        (1, FRACTIONS, [1, 0, 0]),
        (10015, FRACTIONS, [7511, 1002, 1502]),
    ],
)
def test_largest_remainder(count, fractions, expected):
    assert largest_remainder(count, fractions).tolist() == expected


def test_by_image_every_class_is_shared_out_exactly():
    split = make_split(index_of([0] * 200 + [1] * 40 + [2] * 20), "paper", FRACTIONS, seed=0)
    assert counts_of(split) == [[150, 20, 30], [30, 4, 6], [15, 2, 3]]
    assert split.unit == "image" and not split.warnings


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_table_is_complete_and_in_the_order_of_the_rows(protocol):
    index = index_of([0, 1] * 50, np.arange(100) // 4)
    table = make_split(index.sample(frac=1, random_state=0), protocol, FRACTIONS, seed=0).table
    assert list(table) == ["row", "id", "label", "group", "part"]
    pd.testing.assert_frame_equal(table.drop(columns="part"), index[["row", "id", "label", "group"]])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_same_seed_same_split_whatever_the_order_of_groups_other_seed_another(protocol):
    index = index_of([0, 1] * 60, np.arange(120) // 2)
    first, again, other = (make_split(index, protocol, FRACTIONS, seed).table for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert (first["part"] != other["part"]).any()


def test_groups_are_never_divided_and_shares_come_out():
    for seed in range(60):
        index = random_index(np.random.default_rng(seed))
        split = make_split(index, "grouped", FRACTIONS, seed)
        assert split.unit == "group"
        assert (split.table.groupby("group")["part"].nunique() == 1).all()
        largest = index["group"].value_counts().max()
        for label, images in split.table.groupby("label"):
            shares = images["part"].value_counts()
            for part, fraction in zip(PARTS, FRACTIONS, strict=True):
                assert abs(shares[part] - fraction * len(images)) <= largest, (seed, label, part)


def test_groups_of_one_class_and_size_are_split_exactly():
    groups = np.arange(300) // 3
    split = make_split(index_of(np.where(groups < 60, 0, 1), groups), "grouped", FRACTIONS, seed=0)
    assert counts_of(split) == [[135, 18, 27], [90, 12, 18]]


def test_an_image_without_group_is_its_own_group_and_that_is_said(caplog):
    groups = ["" if row < 40 else f"p{row // 4}" for row in range(120)]
    split = make_split(index_of([0, 1] * 60, groups), "grouped", FRACTIONS, seed=0)
    assert split.unit == "group" and "40 of 120 images have no known group" in split.warnings[0]
    assert split.table["part"][:40].nunique() > 1
    assert "WARNING" in caplog.text and "40 of 120" in caplog.text


def test_without_any_group_the_split_is_by_image_and_that_is_said(caplog):
    index = index_of([0, 1] * 100)
    split = make_split(index, "grouped", FRACTIONS, seed=5)
    assert split.unit == "image" and "a column `group`" in split.warnings[0] and "a column `group`" in caplog.text
    pd.testing.assert_frame_equal(split.table, make_split(index, "paper", FRACTIONS, seed=5).table)


def change(table, row, **values):
    for column, value in values.items():
        table.loc[row, column] = value
    return table


def swap_one_image(table):
    """Move one image of a group of three to another part."""
    return change(table, 0, part="test" if table["part"][0] != "test" else "train")


PLANTED = {
    "an unknown part": (lambda t: change(t, 3, part="holdout"), "part 'holdout'"),
    "an image twice": (lambda t: pd.concat([t, t[:1].assign(part="test")]), "row 0 is twice"),
    "an id twice": (lambda t: change(t, 5, id="image-00004"), "id image-00004 is twice"),
    "an image missing": (lambda t: t[t["row"] != 7], "row 7 is in the index but not in the split"),
    "an image too many": (lambda t: t.replace({"row": {7: 999}}), "not in the split"),
    "another label": (lambda t: change(t, 7, label=1 - t["label"][7]), "label of row 7"),
    "another group": (lambda t: change(t, 7, group="elsewhere"), "group of row 7"),
    "a divided group": (swap_one_image, "group g0 is in"),
    "a class missing from a part": (
        lambda t: t.assign(part=np.where((t["label"] == 1) & (t["part"] == "validation"), "train", t["part"])),
        "class 'class-1' has 60 images in 20 known groups",
    ),
    "wrong shares": (
        lambda t: t.assign(part=np.where(t["row"] // 3 % 4 == 1, "test", t["part"])),
        "instead of",
    ),
    "a column missing": (lambda t: t.drop(columns="group"), "column group"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_check_finds_planted_violations(name):
    groups = np.arange(180) // 3
    index = index_of(np.where(groups % 3 == 0, 1, 0), [f"g{group}" for group in groups])
    table = make_split(index, "grouped", FRACTIONS, seed=1).table
    check_disjoint(table, index, FRACTIONS, "group")
    violate, problem = PLANTED[name]
    with pytest.raises(UserError) as error:
        check_disjoint(violate(table.copy()), index, FRACTIONS, "group")
    assert problem in error.value.problem and error.value.remedy


def test_by_image_a_divided_group_is_no_violation():
    index = index_of([0, 1] * 100, np.arange(200) // 10)
    split = make_split(index, "paper", FRACTIONS, seed=0)
    assert (split.table.groupby("group")["part"].nunique() > 1).any()


@pytest.mark.parametrize(
    ("changes", "problem", "remedy"),
    [
        ({"protocol": "patient"}, "'patient'", "paper and grouped"),
        ({"fractions": (0.7, 0.1, 0.1)}, "0.7 0.1 0.1", "0.75 0.10 0.15"),
        ({"fractions": (0.9, 0.1)}, "0.9 0.1", "training, validation and test"),
        ({"fractions": (1.1, -0.2, 0.1)}, "1.1 -0.2 0.1", "0.75 0.10 0.15"),
        ({"seed": -1}, "seed -1", "0 or more"),
        ({"index": index_of([0] * 40 + [1] * 3)}, "'class-1' has 3 images", "leave the class out"),
        (
            {"protocol": "grouped", "index": index_of([0] * 40 + [1] * 20, [*range(40), *[7] * 20])},
            "'class-1' has 20 images in 1 known groups",
            "add images (or groups)",
        ),
    ],
)
def test_bad_requests_are_explained(changes, problem, remedy):
    good = {"index": index_of([0, 1] * 50), "protocol": "paper", "fractions": FRACTIONS, "seed": 0}
    with pytest.raises(UserError) as error:
        make_split(**(good | changes))
    assert problem in error.value.problem and remedy in error.value.remedy


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda index: index.drop(columns=["group", "dhash"]), "columns group, dhash"),
        (lambda index: index.drop(columns="label"), "column label"),
        (lambda index: index[:0], "no images"),
        (lambda index: pd.concat([index, index[:1]]), "row 0 more than once"),
        (lambda index: index.assign(group=[None, *index["group"][1:]]), "without group"),
    ],
)
def test_bad_index_is_explained(spoil, problem, tmp_path):
    path = tmp_path / "index.parquet"
    spoil(index_of([0, 1] * 5)).to_parquet(path)
    with pytest.raises(UserError) as error:
        read_index(path)
    assert str(path) in error.value.problem and problem in error.value.problem
    assert "src/prepare.py" in error.value.remedy


def test_index_that_is_missing_or_garbage_is_explained(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_index(tmp_path / "index.parquet")
    (tmp_path / "garbage.parquet").write_text("row,id\n1,a\n")
    with pytest.raises(UserError, match=r"garbage\.parquet is not a readable Parquet file"):
        read_index(tmp_path / "garbage.parquet")


def test_written_split_reads_back(tmp_path):
    table = make_split(index_of([0, 1] * 20), "paper", FRACTIONS, seed=0).table
    write_split(table, tmp_path / "split.csv")
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert lines[0] == "row,id,label,group,part"
    read = pd.read_csv(io.StringIO("\n".join(lines)), keep_default_na=False)
    pd.testing.assert_frame_equal(read, table, check_dtype=False)


def test_real_lesions_are_split_almost_exactly(kaggle_archives):
    with zipfile.ZipFile(kaggle_archives / "skin-cancer-mnist-ham10000.zip") as archive:
        metadata = pd.read_csv(archive.open("HAM10000_metadata.csv"))
    index = index_of(pd.factorize(metadata["dx"], sort=True)[0], metadata["lesion_id"])
    table = make_split(index, "grouped", FRACTIONS, seed=0).table
    shares = pd.crosstab(table["label"], table["part"], normalize="index")[list(PARTS)]
    assert np.abs(shares - FRACTIONS).to_numpy().max() < 0.006


def test_script(root, tmp_path):
    index_of([0, 1] * 50, np.arange(100) // 4).to_parquet(tmp_path / "index.parquet")
    out, report = tmp_path / "split.csv", tmp_path / "leakage.json"

    def run(*extra):
        command = [sys.executable, str(root / "src" / "split.py"), "--index", str(tmp_path / "index.parquet")]
        return subprocess.run(
            [*command, "--out", str(out), "--report", str(report), *extra], capture_output=True, text=True
        )

    bad = run("--protocol", "slide")
    assert bad.returncode == 2 and "Traceback" not in bad.stderr and "paper and grouped" in bad.stderr
    assert not out.exists() and not report.exists()
    good = run("--protocol", "grouped", "--fractions", "0.6", "0.2", "0.2", "--seed", "2")
    assert good.returncode == 0, good.stderr
    assert pd.read_csv(out)["part"].value_counts().to_dict() == {"train": 60, "validation": 20, "test": 20}
    assert json.loads(report.read_text())["sha256"] == sha256_of(out)


@st.composite
def indexes(draw):
    """Data sets of two to four classes, in groups of any size, some of them unknown."""
    classes = draw(st.integers(2, 4))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=40))
    labels, groups = [], []
    for number, size in enumerate(sizes):
        name = draw(st.sampled_from(["", f"g{number}"]))
        labels += draw(st.lists(st.integers(0, classes - 1), min_size=size, max_size=size))
        groups += [name] * size
    ids = [f"i{row}" for row in range(len(labels))]
    return pd.DataFrame({"row": range(len(ids)), "id": ids, "label": labels, "group": groups}).assign(
        label_name=lambda table: "class " + table["label"].astype(str), sha256=ids, dhash="0" * 16
    )


@settings(max_examples=50)
@given(
    indexes(),
    st.sampled_from(list(PROTOCOLS)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([(0.75, 0.1, 0.15), (0.4, 0.3, 0.3)]),
)
def test_a_split_of_any_data_set_is_one_or_is_refused(index, protocol, seed, fractions):
    """Every image once, with its label; no known group in two parts; every class in every part; the same seed the same split."""
    try:
        split = make_split(index, protocol, fractions, seed)
    except UserError as error:
        assert error.remedy
        return
    table = split.table
    assert table["row"].tolist() == index["row"].tolist() and table["label"].tolist() == index["label"].tolist()
    if protocol == "grouped":
        known = table[table["group"] != ""]
        assert split.unit == "image" or known.groupby("group")["part"].nunique().max() == 1
    else:
        shares = table["part"].value_counts() / len(table)
        assert all(
            abs(shares[part] - share) <= index["label"].nunique() / len(table)
            for part, share in zip(PARTS, fractions, strict=True)
        )
    assert pd.crosstab(table["label"], table["part"]).shape[1] == len(PARTS)
    assert make_split(index, protocol, fractions, seed).table.equals(table)
