"""The twelve variants equal table 1 of the paper's digest; broken graphs are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import variant_graph

from kdml.runs.graph import (
    STRATEGIES,
    TECHNIQUES,
    VARIANTS,
    Edge,
    Knowledge,
    LossWeights,
    SharingGraph,
    TeacherMode,
    is_student,
    paper_graph,
)

P, F = "predictions", "features"
# technique, strategy -> T->S1, T->S2, S2->S1, S1->S2, written out by hand from table 1 and Eqs. 6-7.
TABLE_1 = {
    ("kd_off", "v1"): (P, P, None, None),
    ("kd_off", "v2"): (F, F, None, None),
    ("kd_off", "v3"): (F, P, None, None),
    ("kd_on", "v1"): (P, P, None, None),
    ("kd_on", "v2"): (F, F, None, None),
    ("kd_on", "v3"): (F, P, None, None),
    ("ml", "v1"): (None, None, P, P),
    ("ml", "v2"): (None, None, F, F),
    ("ml", "v3"): (None, None, P, F),
    ("kd_ml", "v1"): (P, P, P, P),
    ("kd_ml", "v2"): (F, F, F, F),
    ("kd_ml", "v3"): (F, P, P, F),
}
WEIGHTS = (LossWeights(0.1, 0.5, 0.4), LossWeights(0.2, 0.6, 0.2))
TEACHERS = {
    "ml": TeacherMode.NONE,
    "kd_off": TeacherMode.FROZEN,
    "kd_on": TeacherMode.ONLINE,
    "kd_ml": TeacherMode.ONLINE,
}


def test_there_are_twelve_variants():
    assert set(VARIANTS.values()) == set(TABLE_1) == {(t, s) for t in TECHNIQUES for s in STRATEGIES}


@pytest.mark.parametrize(("technique", "strategy"), TABLE_1)
def test_variant_equals_table_1(technique, strategy):
    graph = paper_graph(technique, strategy, WEIGHTS)
    found = {(edge.source, edge.learner): (edge.knowledge, edge.weight) for edge in graph.edges}
    places = [("teacher", "s1", 0.5), ("teacher", "s2", 0.6), ("s2", "s1", 0.4), ("s1", "s2", 0.2)]
    expected = {
        (source, learner): (Knowledge(kind), weight)
        for (source, learner, weight), kind in zip(places, TABLE_1[technique, strategy], strict=True)
        if kind
    }
    assert found == expected
    assert graph.teacher is TEACHERS[technique]
    alphas = {"s1": 0.1, "s2": 0.2}
    assert dict(graph.supervised) == ({"teacher": 1.0} | alphas if graph.teacher is TeacherMode.ONLINE else alphas)


def test_swapped_students_exchange_knowledge_but_keep_their_weights():
    graph = paper_graph("kd_ml", "v3", WEIGHTS, swap_students=True)
    assert set(graph.edges) == {
        Edge("teacher", "s1", Knowledge.PREDICTIONS, 0.5),
        Edge("s2", "s1", Knowledge.FEATURES, 0.4),
        Edge("teacher", "s2", Knowledge.FEATURES, 0.6),
        Edge("s1", "s2", Knowledge.PREDICTIONS, 0.2),
    }


@pytest.mark.parametrize(
    ("teacher", "supervised", "edges", "message"),
    [
        ("none", {"s1": 1.0}, [("teacher", "s1", P, 1)], "starts at the teacher"),
        ("online", {"teacher": 1.0, "s1": 1.0}, [("s9", "s1", P, 1)], "'s9'"),
        ("online", {"teacher": 1.0, "s1": 1.0}, [("s1", "s1", P, 1)], "cannot teach itself"),
        ("frozen", {"s1": 1.0}, [("s1", "teacher", P, 1)], "'teacher' is frozen"),
        ("frozen", {"teacher": 1.0, "s1": 1.0}, [], "frozen teacher does not learn"),
        ("none", {"s1": 1.0, "s2": 1.0}, [("s2", "s1", P, -1)], "negative"),
        ("none", {"s1": -1.0}, [], "negative"),
        ("none", {"s1": 1.0, "s2": 1.0}, [("s2", "s1", P, 1), ("s2", "s1", P, 2)], "twice"),
    ],
)
def test_broken_graph_is_refused(teacher, supervised, edges, message):
    with pytest.raises(ValueError, match=message):
        SharingGraph(TeacherMode(teacher), supervised, tuple(Edge(s, d, Knowledge(k), w) for s, d, k, w in edges))


def test_who_is_a_student():
    names = ["s1", "s9", "s0", "s10", "s", "S1", "sp", "teacher", "baseline", "ensemble", "both", "1", ""]
    assert [name for name in names if is_student(name)] == ["s1", "s9"]


NAMES = st.sampled_from(["teacher", "s1", "s2", "s3", "s9", "x"])
EDGES = st.builds(Edge, NAMES, NAMES, st.sampled_from(Knowledge), st.sampled_from([-1.0, 0.0, 0.5, 2.0]))


@given(
    st.sampled_from(TeacherMode), st.dictionaries(NAMES, st.sampled_from([-1.0, 0.0, 1.0])), st.lists(EDGES, max_size=6)
)
def test_a_graph_of_any_edges_is_one_or_is_refused(teacher, supervised, edges):
    """Whoever learns is trained, whoever sends is a network of the run, nothing is said twice, and no weight is negative."""
    try:
        graph = SharingGraph(teacher, supervised, tuple(edges))
    except ValueError as error:
        assert str(error)
        return
    assert set(graph.learners) <= set(graph.networks) and len(set(graph.networks)) == len(graph.networks)
    assert ("teacher" in graph.networks) >= (teacher is TeacherMode.FROZEN)
    for edge in graph.edges:
        assert edge.source in graph.networks and edge.learner in graph.learners and edge.source != edge.learner
        assert edge.weight >= 0
    assert len({(edge.source, edge.learner, edge.knowledge) for edge in graph.edges}) == len(graph.edges)
    assert min(graph.supervised.values(), default=0) >= 0


@pytest.mark.parametrize("technique", ["kd_off", "kd_on"])
@pytest.mark.parametrize(("student", "strategy"), [("s1", "v2"), ("s2", "v1")])
def test_without_ml_a_student_of_v3_hears_what_it_does_under_another_strategy(technique, student, strategy):
    """Which the page says of the contrasts of claim 5: they may compare a network with itself."""
    heard = [
        [edge for edge in variant_graph(f"{technique}_{name}").edges if edge.learner == student]
        for name in ("v3", strategy)
    ]
    assert heard[0] == heard[1] and {edge.source for edge in heard[0]} == {"teacher"}
