"""Tables of cases come back from disk as they were, and what cannot be used is named."""

import numpy as np
import pandas as pd
import pytest

from kdml.analysis import cases
from kdml.analysis.cases import Evaluated
from kdml.analysis.evaluation import REGION_COLUMNS, Evaluation
from kdml.common.errors import UserError


def evaluated(run, seed, ids=("x", "y"), regions=()):
    table = pd.DataFrame({"id": list(ids), "group": "p", "network": "s1", "tp": range(len(ids)), "kl": 0.1234567890123})
    return Evaluated(
        run, seed, Evaluation(table, pd.DataFrame(list(regions), columns=list(REGION_COLUMNS)), {"s1": "d"})
    )


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


def test_numbers_of_few_decimals_take_half_the_space_and_come_back_exactly(tmp_path):
    scores = np.random.default_rng(0).random(1000).round(6)
    scores[7] = np.nan
    table = pd.DataFrame(dict.fromkeys(cases.KEYS, "x") | {"seed": 0, "score": scores, "exact": scores / 3})
    cases.write(tmp_path / "cases.parquet", table)
    stored = pd.read_parquet(tmp_path / "cases.parquet").dtypes
    assert (stored["score"], stored["exact"]) == (np.float32, np.float64)
    read = cases.read([tmp_path / "cases.parquet"])
    for name in ("score", "exact"):
        assert read[name].dtype == np.float64 and np.array_equal(read[name], table[name], equal_nan=True)


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
