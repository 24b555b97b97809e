"""What can be told of the paper's numbers from themselves."""

from kdml.paper import numbers


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
