"""Gradients reach exactly the learners that the graph names, one forward per network, a frozen teacher stays as it is."""

import pytest
import torch
from small import arrays_of, cohort_of, settings_of, variant_graph

from kdml.learning.batches import collate
from kdml.learning.cohort import Cohort
from kdml.runs.graph import VARIANTS, Edge, Knowledge, SharingGraph, TeacherMode

KINDS = ("classification", "segmentation")


def batch_of(kind):
    arrays = arrays_of(kind)
    targets = [0, 1] * 2 if kind == "classification" else list(arrays.masks[9:13])
    return collate(list(zip(arrays.images[9:13], targets, strict=True)))


def gradient_norms(cohort):
    return {
        name: sum(float(p.grad.abs().sum()) for p in network.parameters() if p.grad is not None)
        for name, network in cohort.networks.items()
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_each_edge_moves_its_learner_alone(variant, kind):
    graph = variant_graph(variant)
    for edge in graph.edges:
        lone = SharingGraph(graph.teacher, dict.fromkeys(graph.supervised, 0.0), (edge,))
        cohort = cohort_of(settings_of(lone, kind)).train()
        batch = batch_of(kind)
        cohort.losses(cohort(batch.images), batch.targets).total.backward()
        moved = {name for name, norm in gradient_norms(cohort).items() if norm > 0}
        assert moved == {edge.learner}, edge


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_loss_of_each_learner_is_its_weighted_terms(variant, kind):
    graph = variant_graph(variant)
    cohort = cohort_of(settings_of(graph, kind)).train()
    batch = batch_of(kind)
    losses = cohort.losses(cohort(batch.images), batch.targets)
    for learner, weight in graph.supervised.items():
        expected = weight * losses.terms[f"{learner}.supervised"]
        for edge in graph.edges:
            if edge.learner == learner:
                expected = expected + edge.weight * losses.terms[f"{learner}.{edge.knowledge}_from_{edge.source}"]
        assert losses.terms[f"{learner}.total"].item() == pytest.approx(expected.item(), rel=1e-6)
    totals = sum(losses.terms[f"{learner}.total"].item() for learner in graph.supervised)
    assert losses.total.item() == pytest.approx(totals, rel=1e-6)


def test_online_teacher_learns_from_the_labels_only():
    """Its gradient is the same with and without students that listen."""
    gradients = []
    for weight in (0.0, 5.0):
        edges = (
            Edge("teacher", "s1", Knowledge.FEATURES, weight),
            Edge("teacher", "s1", Knowledge.PREDICTIONS, weight),
        )
        cohort = cohort_of(settings_of(SharingGraph(TeacherMode.ONLINE, {"teacher": 1.0, "s1": 0.5}, edges))).train()
        batch = batch_of("classification")
        cohort.losses(cohort(batch.images), batch.targets).total.backward()
        gradients.append([p.grad.clone() for p in cohort.networks["teacher"].parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("variant", ["kd_off_v3", "kd_ml_v3"])
def test_one_forward_per_network(variant):
    cohort = cohort_of(settings_of(variant_graph(variant)))
    calls = []
    for name, network in cohort.networks.items():
        network.register_forward_hook(lambda *_, name=name: calls.append(name))
    batch = batch_of("classification")
    cohort.losses(cohort(batch.images), batch.targets)
    assert calls == ["teacher", "s1", "s2"]


def test_frozen_teacher_is_untouched_by_a_step():
    cohort = cohort_of(settings_of(variant_graph("kd_off_v3"))).train()
    teacher = cohort.networks["teacher"]
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    batch = batch_of("classification")
    outputs = cohort(batch.images)
    assert not teacher.training and all(cohort.networks[name].training for name in ("s1", "s2"))
    assert not outputs["teacher"].logits.requires_grad
    cohort.losses(outputs, batch.targets).total.backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in teacher.state_dict().items())


def test_adaptor_only_where_channels_differ():
    graph = variant_graph("kd_ml_v2")
    assert not cohort_of(settings_of(graph)).adaptors
    settings = settings_of(graph)
    plain = settings.networks["teacher"].model_copy(update={"block_like": None})
    cohort = cohort_of(settings.model_copy(update={"networks": settings.networks | {"teacher": plain}})).train()
    assert set(cohort.adaptors) == {"s1_from_teacher", "s2_from_teacher"}
    batch = batch_of("classification")
    cohort.losses(cohort(batch.images), batch.targets).total.backward()
    assert all(parameter.grad is not None for parameter in cohort.adaptors.parameters())
    trained = {id(parameter) for parameter in cohort.trained_parameters("s1")}
    assert id(cohort.adaptors["s1_from_teacher"].weight) in trained
    assert id(cohort.adaptors["s2_from_teacher"].weight) not in trained


def test_students_start_differently_and_alike_in_every_variant():
    one, other = (cohort_of(settings_of(variant_graph(variant))).networks for variant in ("ml_v1", "kd_ml_v3"))
    for name in ("s1", "s2"):
        assert all(torch.equal(a, b) for a, b in zip(one[name].parameters(), other[name].parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one["s1"].parameters(), one["s2"].parameters(), strict=True))


def test_class_weights_follow_the_networks_and_count():
    settings = settings_of(variant_graph("ml_v1"))
    networks = cohort_of(settings).networks
    cohort = Cohort(settings, networks, torch.tensor([1.0, 3.0])).double()
    assert cohort.class_weights.dtype == torch.float64  # moved with the module, as it must be to a GPU
    logits, targets = torch.zeros(2, 2, dtype=torch.float64), torch.tensor([0, 1])
    logits[0, 0] = 2.0
    expected = torch.nn.functional.cross_entropy(logits, targets, weight=torch.tensor([1.0, 3.0]).double())
    assert cohort.supervised_loss(logits, targets).item() == pytest.approx(expected.item())
    assert "class_weights" not in cohort.state_dict()
