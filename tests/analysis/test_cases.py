"""Tables of cases come back from disk as they were, and what cannot be used is named."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from kdml.analysis import cases
from kdml.analysis.cases import Evaluated
from kdml.analysis.evaluation import REGION_COLUMNS, Evaluation, TestSet, against_labels
from kdml.analysis.reliability import OF_BINS
from kdml.analysis.statistics import sums_by_group
from kdml.common.errors import UserError
from kdml.runs.predictions import Predictions


def evaluated(run, seed, ids=("x", "y"), regions=()):
    table = pd.DataFrame({"id": list(ids), "group": "p", "network": "s1", "tp": range(len(ids)), "kl": 0.1234567890123})
    return Evaluated(run, seed, Evaluation(table, pd.DataFrame(list(regions), columns=list(REGION_COLUMNS))))


def test_runs_stand_below_each_other_and_come_back(tmp_path):
    stack = cases.stacked([evaluated("b", 1), evaluated("a", 0), evaluated("b", 0, "z")], "cases")
    cases.write(tmp_path / "cases.parquet", stack)
    (tmp_path / "again").mkdir()
    cases.write(tmp_path / "again" / "cases.parquet", cases.stacked([evaluated("c", 5)], "cases"))
    read = cases.read([tmp_path / "cases.parquet", tmp_path / "again/cases.parquet"], ("tp",))
    assert list(read) == ["run", "seed", "id", "group", "network", "tp", "kl"]
    by_run = cases.by_run(read)
    assert list(by_run) == [("b", 1), ("a", 0), ("b", 0), ("c", 5)]  # in their order
    assert by_run["b", 1]["id"].tolist() == ["x", "y"] and by_run["b", 0]["tp"].tolist() == [0]
    assert set(read["kl"]) == {0.1234567890123} and by_run["c", 5]["id"].iloc[0] == "x"


def test_numbers_of_few_decimals_are_stored_as_such_and_come_back_exactly(tmp_path):
    scores = np.random.default_rng(0).random(1000).round(6)
    scores[7] = np.nan
    columns = {"share": scores, "exact": scores / 3, "large": scores * 2000}
    table = pd.DataFrame(dict.fromkeys(cases.KEYS, "x") | {"seed": 0, **columns})
    cases.write(tmp_path / "cases.parquet", table)
    file = parquet.ParquetFile(tmp_path / "cases.parquet")
    kinds = {name: file.schema_arrow.field(name).type for name in columns}
    assert kinds == {"share": pa.decimal128(9, 6), "exact": pa.float64(), "large": pa.float64()}
    assert file.schema.column(file.schema_arrow.names.index("share")).physical_type == "INT32"
    read = cases.read([tmp_path / "cases.parquet"])
    for name in columns:
        assert read[name].dtype == np.float64 and np.array_equal(read[name], table[name], equal_nan=True)


def test_sums_over_pixels_are_stored_as_whole_numbers_and_come_back_exactly(tmp_path):
    sums = np.random.default_rng(0).integers(0, 2**30, 1000) / 512
    sums[::3] = 0
    columns = {
        "sums": sums,
        "none": 0 * sums,
        "minus": -sums,
        "too large": sums * 4,
        "unknown": np.where(sums > 0, sums, np.nan),
    }
    columns |= {"exact": np.where(sums > 0, sums / 3, 0.0), "endless": np.where(sums > 0, sums, np.inf)}
    table = pd.DataFrame(dict.fromkeys(cases.KEYS, "x") | {"seed": 0, **columns})
    cases.write(tmp_path / "cases.parquet", table)
    kinds = parquet.read_schema(tmp_path / "cases.parquet")
    assert [name for name in columns if kinds.field(name).type == pa.int32()] == ["sums", "none", "minus"]
    read = cases.read([tmp_path / "cases.parquet"])
    for name in columns:
        assert read[name].dtype == np.float64 and np.array_equal(read[name], table[name], equal_nan=True), name


def test_counts_of_bins_are_stored_by_group_and_give_the_same_numbers(tmp_path):
    """Two seeds, two networks, two groups that take turns; what is measured of them is equal in every bit."""
    generator = np.random.default_rng(0)
    ids = np.array([f"image{number}" for number in range(12)], dtype=object)
    groups = np.array(["p", "q"] * 6, dtype=object)
    masks = (generator.random((12, 32, 32)) < 0.3).astype(np.uint8)
    tested = TestSet(np.arange(12), ids, groups, np.ones(12, dtype=int), masks)
    runs = [
        Evaluated(
            "a",
            seed,
            against_labels(Predictions(np.arange(12), outputs), tested, {"s1": 1.3, "s2": 0.8, "ensemble": 1.1}),
        )
        for seed in (0, 1)
        for outputs in [{name: generator.integers(0, 256, (12, 32, 32), dtype=np.uint8) for name in ("s1", "s2")}]
    ]
    table, path = cases.stacked(runs, "cases"), tmp_path / "cases.parquet"
    cases.write(path, cases.with_bins_of_groups(table))
    read = cases.read([path])
    counted = sorted(OF_BINS & set(table))
    assert len(counted) > 100 and read.drop(columns=counted).equals(
        table.astype({"run": str, "id": str, "group": str, "network": str}).drop(columns=counted)
    )
    first = ~read.duplicated(["run", "seed", "network", "group"])
    assert first.sum() == 12 and not read.loc[~first, counted].to_numpy().any()
    for (_, of_images), (_, of_groups) in zip(
        table.groupby(["run", "seed", "network"]), read.groupby(["run", "seed", "network"]), strict=True
    ):
        (names, sums), (_, again) = (
            sums_by_group(one[counted].to_numpy(), one["group"].tolist()) for one in (of_images, of_groups)
        )
        assert names == ["p", "q"] and np.array_equal(sums, again)


def test_packs_that_were_published_before_are_read(tmp_path):
    """They hold numbers of few decimals in single precision, and all columns."""
    scores = np.random.default_rng(0).random(1000).round(6)
    table = pd.DataFrame(dict.fromkeys(cases.KEYS, "x") | {"seed": 0, "group": "g", "score": scores.astype(np.float32)})
    table.to_parquet(tmp_path / "cases.parquet")
    read = cases.read([tmp_path / "cases.parquet"])
    assert np.array_equal(read["score"], scores) and set(read["group"]) == {"g"}


def classified(classes, groups=None):
    """Cases of a classifier, as they are measured."""
    generator = np.random.default_rng(classes)
    probabilities = generator.dirichlet(np.ones(classes), size=50).astype(np.float32)
    labels = generator.integers(classes, size=50)
    ids = np.array([f"image{number}" for number in range(50)], dtype=object)
    tested = TestSet(np.arange(50), ids, ids if groups is None else groups, labels)
    found = against_labels(Predictions(np.arange(50), {"s1": probabilities}), tested, {"s1": 1.7})
    return cases.stacked([Evaluated("a", 0, found)], "cases")


@pytest.mark.parametrize(("classes", "left_out"), [(2, {"group", "uncertainty", "brier", "brier_scaled"}), (3, {"group", "uncertainty", "brier"})])  # fmt: skip
def test_what_follows_from_other_columns_is_not_stored_and_comes_back_exactly(tmp_path, classes, left_out):
    table, path = classified(classes), tmp_path / "cases.parquet"
    cases.write(path, table)
    assert set(table) - set(parquet.read_schema(path).names) == left_out
    read = cases.read([path], ("uncertainty", "brier", "brier_scaled"))
    assert set(read) == set(table)
    for name in table:
        assert read[name].dropna().tolist() == table[name].dropna().tolist(), name


def test_what_does_not_follow_is_stored(tmp_path):
    """Groups, and numbers of another origin, however near they are."""
    table, path = classified(2, groups=np.repeat(np.array(["p", "q"], dtype=object), 25)), tmp_path / "cases.parquet"
    table.loc[3, "brier"] += 1e-6
    table["brier"] = table["brier"].round(6)
    cases.write(path, table)
    assert {"group", "brier"} <= set(parquet.read_schema(path).names)
    read = cases.read([path])
    assert read["group"].tolist() == table["group"].tolist() and read["brier"].tolist() == table["brier"].tolist()


def test_equal_tables_are_equal_files_and_nothing_else_is_left(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        cases.write(tmp_path / name, cases.stacked([evaluated("a", 0)], "cases"))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_tables_without_rows_keep_their_columns(tmp_path):
    """No run has a region, or one of two has none."""
    cases.write(tmp_path / "none.parquet", cases.stacked([evaluated("a", 0), evaluated("b", 0)], "regions"))
    read = cases.read([tmp_path / "none.parquet"], ("region", "area", "share"))
    assert len(read) == 0 and not cases.by_run(read)
    region = ("x", "p", 0, 1, 9, 0, 3, 0, 3, "s1", 0.5)
    cases.write(
        tmp_path / "one.parquet", cases.stacked([evaluated("a", 0), evaluated("b", 0, regions=[region])], "regions")
    )
    read = cases.read([tmp_path / "one.parquet"], ("region", "area", "share"))
    assert list(cases.by_run(read)) == [("b", 0)] and read["area"].tolist() == [9]


BROKEN = {
    "missing": (lambda path: path.unlink(), "does not exist"),
    "empty": (lambda path: path.write_bytes(b""), "is not a table"),
    "text": (lambda path: path.write_text("id,group"), "is not a table"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-40]), "is not a table"),
    "a key that is missing": (
        lambda path: cases.write(path, pd.read_parquet(path).drop(columns="group")),
        "lacks the column 'group'",
    ),
    "a column that is missing": (
        lambda path: cases.write(path, pd.read_parquet(path).drop(columns="tp")),
        "lacks the column 'tp'",
    ),
}


@pytest.mark.parametrize(("spoil", "said"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_used_is_named(tmp_path, spoil, said):
    path = tmp_path / "cases.parquet"
    cases.write(path, cases.stacked([evaluated("a", 0)], "cases"))
    spoil(path)
    with pytest.raises(UserError) as caught:
        cases.read([path], ("tp",))
    assert f"{path} {said}" in str(caught.value)
