"""What can be told of the paper's numbers from themselves, and what was misprinted in them."""

import pytest

from kdml.paper import numbers
from kdml.runs.graph import VARIANTS


def test_the_papers_impossible_f_scores_are_found_by_rule():
    """F is 2 IoU / (1 + IoU) of the same pixels and cannot lie below it: once in the fidelity of table 12, in no other."""
    assert numbers.impossible(numbers.variants(12)) == {("kd_off", "v1", "s1", "f_score")}
    tables = set(numbers.TABLES.values()) | {11}
    assert not any(numbers.impossible(numbers.variants(table)) for table in tables)
    assert not any(numbers.impossible(numbers.baselines(table)) for table in numbers.BASELINE_TABLES.values())
    assert (
        numbers.impossible({("a", "iou"): (50.0, 1.0), ("a", "f_score"): (50.0, 1.0), ("b", "f_score"): (1.0, 1.0)})
        == set()
    )


def in_files(row):
    """The numbers that a row of misprints.csv is about, as the file of their table has them."""
    columns = row["column"].split(", ")
    if not row["network"]:
        name, keys = "hyperparameters", dict(zip(("technique", "strategy"), VARIANTS[row["run"]], strict=True))
    elif row["run"] in VARIANTS:
        network = {"teacher": "t"}.get(row["network"], row["network"])
        keys = {"technique": VARIANTS[row["run"]][0], "strategy": VARIANTS[row["run"]][1]}
        name, keys = "variants", keys | {"network": network, "metric": row["metric"]}
    else:
        name, keys = "comparisons", {"method": row["run"], "metric": row["metric"], "dataset": "hcd"}
    keys = {"table": row["table"]} | keys
    (found,) = (one for one in numbers.rows_of(name) if keys.items() <= one.items())
    return [float(found[column]) for column in columns]


@pytest.mark.parametrize("row", numbers.rows_of("misprints"), ids=lambda row: f"{row['table']}-{row['run']}")
def test_every_misprint_is_read_as_its_row_says(row):
    assert in_files(row) and set(in_files(row)) == {float(row["read_as"])} and row["printed"] and row["why"]


def test_misprints_are_those_of_five_tables():
    found = {table: len(numbers.misprints(table)) for table in range(1, 16)}
    assert {table: count for table, count in found.items() if count} == {8: 1, 9: 4, 10: 1, 11: 1, 12: 1}


@pytest.mark.parametrize("table", [8, 11])
def test_a_third_line_that_prints_beta_again_can_only_be_gamma(table):
    """The weights of a student of KD + ML add up to 1 in all other cells, which leaves no other reading."""
    rows = [row for row in numbers.rows_of("hyperparameters") if row["table"] == str(table)]
    for first, second in map(numbers.weights_in, rows):
        assert sum(vars(first).values()) == pytest.approx(1) and sum(vars(second).values()) == pytest.approx(1)
