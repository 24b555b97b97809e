"""How exported networks were trained, in words, for every kind of run."""

import pytest
from small import variant_graph

from kdml.reporting.card_training import ALONE, taught_by_teacher, training
from kdml.runs.graph import single

BEFORE, MEANWHILE = "taught by a teacher that was trained before", "taught by a teacher that learned at the same time"


def settings_of(graph, method=None):
    edges = [{"source": one.source, "learner": one.learner, "weight": one.weight} for one in graph.edges]
    return {"teacher": graph.teacher, "edges": edges, "method": method}


@pytest.mark.parametrize(
    ("run", "of_one", "of_two"),
    [
        ("ml_v1", "taught by S2 of its run", "taught by each other"),
        ("kd_off_v3", BEFORE, BEFORE), ("kd_on_v1", MEANWHILE, MEANWHILE),
        ("kd_ml_v3", f"{MEANWHILE} and by S2 of its run", f"{MEANWHILE} and by each other"),
    ],
)  # fmt: skip
def test_students_of_variants(run, of_one, of_two):
    settings = settings_of(variant_graph(run))
    assert training(settings, ["s1"]) == of_one and training(settings, ["s1", "s2"]) == of_two
    assert taught_by_teacher(settings, ["s1"]) is not run.startswith("ml")


def test_networks_that_nobody_taught_and_those_of_methods():
    assert training(settings_of(single("baseline")), ["baseline"]) == ALONE
    assert not taught_by_teacher(settings_of(single("baseline")), ["baseline"])
    method = settings_of(single("s1"), {"name": "simkd"}) | {"teacher": "frozen"}
    assert training(method, ["s1"]) == f"{BEFORE}, with the method SimKD" and taught_by_teacher(method, ["s1"])


def test_an_edge_of_no_weight_teaches_nothing():
    graph = settings_of(variant_graph("kd_on_v1"))
    silent = graph | {"edges": [one | {"weight": 0.0} for one in graph["edges"]]}
    assert training(silent, ["s1"]) == ALONE
