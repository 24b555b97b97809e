"""A third student is known by the sharing graph alone."""

import pytest
import yaml
from snakemake_runs import ROOT

from kdml.experiment.sections import OwnVariant
from kdml.runs.graph import VARIANTS, Edge, Knowledge, LossWeights, SharingGraph, TeacherMode, paper_graph
from kdml.runs.third_student import ThirdStudent, third_student


def graph_of(*edges, students=3, teacher=TeacherMode.ONLINE):
    supervised = {"teacher": 1.0} if teacher is TeacherMode.ONLINE else {}
    supervised |= {f"s{n}": 0.5 for n in range(1, students + 1)}
    return SharingGraph(teacher, supervised, tuple(Edge(*edge.split(">"), Knowledge.PREDICTIONS) for edge in edges))


@pytest.mark.parametrize(
    ("edges", "students", "expected"),
    [
        (("s1>s3", "s2>s3"), 3, ThirdStudent("s3", ("s1", "s2"))),
        (("s1>s3", "s2>s3", "s1>s2", "s2>s1", "teacher>s3", "s3>teacher"), 3, ThirdStudent("s3", ("s1", "s2"))),
        (("s2>s1", "s3>s1"), 3, ThirdStudent("s1", ("s2", "s3"))),
        (("s1>s4", "s2>s4", "s3>s4"), 4, ThirdStudent("s4", ("s1", "s2", "s3"))),
        (("s1>s3",), 3, None),  # by one alone
        (("s1>s3", "s2>s3", "s3>s1"), 3, None),  # it teaches one of them
        (("s1>s2",), 2, None),  # no ensemble to take the place of
        (("s1>s3", "s2>s3", "s1>s4", "s2>s4"), 4, None),  # two of them
        (("s1>s2", "s2>s3", "s3>s1"), 3, None),
    ],
)
def test_who_learns_from_all_others_and_teaches_none(edges, students, expected):
    assert third_student(graph_of(*edges, students=students)) == expected


def test_the_papers_variants_have_none():
    weights = (LossWeights(1, 1, 1), LossWeights(1, 1, 1))
    assert not any(third_student(paper_graph(*key, weights)) for key in VARIANTS.values())


def test_the_ready_example_has_one():
    """Its two teachers are the students of KD + ML with V3."""
    example = yaml.safe_load((ROOT / "docs/examples/third_student.yaml").read_text())
    (name,) = example["run"]["own_variants"]
    graph = OwnVariant.model_validate(example["variants"][name]).graph()
    assert third_student(graph) == ThirdStudent("s3", ("s1", "s2"))
    proposed = paper_graph("kd_ml", "v3", (LossWeights(1, 1, 1), LossWeights(1, 1, 1)))
    among = {(one.source, one.learner, one.knowledge) for one in graph.edges if one.learner != "s3"}
    assert among == {(one.source, one.learner, one.knowledge) for one in proposed.edges}
