"""A graph says of a picture what its networks say: of both kinds, of one and of two, for any size and any batch."""

import numpy as np
import pytest
import torch
from fabricated import record_of
from PIL import Image
from small import SIZE, cohort_of, method_settings, settings_of, variant_graph

from kdml.analysis.ensemble import largest_probability, with_ensemble
from kdml.common.files import write_json
from kdml.deploy.model import opened
from kdml.export.graphs import PROBABILITIES, PROBABILITY, STUDENTS, graph_of
from kdml.export.parity import _changed
from kdml.export.preparation import IMAGES, PREPARED
from kdml.learning.networks import build, save_networks
from kdml.learning.trained import networks_of
from kdml.runs.predictions import quantise_classes
from kdml.runs.settings import Backbone, NetworkSettings, Sharing

MASK = "mask"  # output of the graphs of masks, after the variable in them
NAMES = {"one": ("s1",), "two": ("s1", "s2")}


def pictures(count=2, height=50, width=77):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def prepared(images):
    made = [np.array(Image.fromarray(one).resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for one in images]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module", params=["classification", "segmentation"])
def cohort(request):
    """Networks with statistics of BatchNorm that are not those of a start."""
    found = cohort_of(settings_of(variant_graph("kd_ml_v3"), request.param))
    found.train()(prepared(pictures(8)))
    return request.param, found.eval()


@pytest.fixture(scope="module", params=NAMES)
def graph(request, cohort):
    kind, networks = cohort
    names = NAMES[request.param]
    with torch.inference_mode():
        logits = [networks.networks[name](prepared(pictures())).logits for name in names]
    each = [one.softmax(1) if kind == "classification" else one.sigmoid().squeeze(1) for one in logits]
    model = graph_of([networks.networks[name] for name in names], kind, SIZE)
    return kind, [one.numpy() for one in each], model


def outputs_of(model, images):
    session = opened(model.SerializeToString(), 1)
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, {IMAGES: images}), strict=True))


def test_probabilities_are_the_networks(graph):
    kind, each, model = graph
    found, expected = outputs_of(model, pictures()), largest_probability(each)
    if kind == "classification" and len(each) > 1:
        expected = expected / expected.sum(axis=1, keepdims=True)
    name = PROBABILITIES if kind == "classification" else PROBABILITY
    assert np.abs(found[name] - expected).max() < 1e-5
    wanted = {name, PREPARED} | ({MASK} if kind == "segmentation" else set()) | ({STUDENTS} if len(each) > 1 else set())
    assert found.keys() == wanted and np.array_equal(found[PREPARED], prepared(pictures()).numpy())
    if len(each) > 1:
        assert np.abs(found[STUDENTS] - np.stack(each, axis=1)).max() < 1e-5


def test_one_picture_is_the_same_as_in_a_batch(graph):
    _, _, model = graph
    together, alone = outputs_of(model, pictures()), outputs_of(model, pictures()[:1])
    assert all(np.abs(together[name][0].astype(float) - one[0]).max() < 1e-5 for name, one in alone.items())


def test_a_mask_has_the_size_of_its_picture(graph):
    kind, _, model = graph
    if kind == "classification":
        assert MASK not in outputs_of(model, pictures())
        return
    for size in ((50, 77), (SIZE, SIZE), (20, 200)):
        found = outputs_of(model, pictures(1, *size))
        assert (
            found[MASK].shape == (1, *size) and found[MASK].dtype == np.uint8 and set(np.unique(found[MASK])) <= {0, 1}
        )
    same = outputs_of(model, pictures(1, SIZE, SIZE))
    assert np.array_equal(same[MASK], same[PROBABILITY] >= 0.5)


@pytest.mark.parametrize("method", ["simkd", "fitnet"])
def test_the_student_of_a_method_is_read_with_its_own_end(tmp_path, method):
    """SimKD's has a projector and the teacher's classifier; adaptors of other methods are left behind."""
    settings = method_settings(method)
    cohort = cohort_of(settings).eval()
    save_networks(tmp_path / "weights.safetensors", {"s1": cohort.networks["s1"]})
    write_json(tmp_path / "run.json", record_of(settings) | {"images": {"size": SIZE}})
    student = networks_of(tmp_path)["s1"]
    with torch.inference_mode():
        before, after = (one(prepared(pictures())).logits for one in (cohort.networks["s1"], student))
    assert torch.equal(before, after)
    found = outputs_of(graph_of([student], "classification", SIZE), pictures())[PROBABILITIES]
    assert np.abs(found - before.softmax(1).numpy()).max() < 1e-5


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_masks_of_several_classes_are_the_project_s(names):
    """Probabilities of the background and each class, together as the ensemble is stored, and the class of every pixel of a picture."""
    settings = settings_of(variant_graph("kd_ml_v3"), "segmentation").model_copy(
        update={"classes": ("core", "rim", "cyst")}
    )
    cohort = cohort_of(settings)
    cohort.train()(prepared(pictures(8)))
    cohort.eval()
    with torch.inference_mode():
        each = [cohort.networks[name](prepared(pictures())).logits.softmax(1).numpy() for name in names]
    found = outputs_of(
        graph_of([cohort.networks[name] for name in names], "segmentation", SIZE, of_several=True), pictures()
    )
    largest = np.maximum.reduce(each)
    largest[:, 0] = np.minimum.reduce([one[:, 0] for one in each])
    assert found[PROBABILITY].shape == (2, 4, SIZE, SIZE) and np.abs(found[PROBABILITY] - largest).max() < 1e-5
    assert found[MASK].shape == (2, 50, 77) and found[MASK].dtype == np.uint8 and found[MASK].max() <= 3
    if len(names) > 1:
        assert np.abs(found[STUDENTS] - np.stack(each, axis=1)).max() < 1e-5
        stored = with_ensemble({name: quantise_classes(one) for name, one in zip(names, each, strict=True)})["ensemble"]
        assert not any(_changed(*one) for one in zip(found[PROBABILITY], stored, strict=True))
    same = outputs_of(graph_of([cohort.networks["s1"]], "segmentation", SIZE, of_several=True), pictures(1, SIZE, SIZE))
    assert np.array_equal(same[MASK], same[PROBABILITY].argmax(axis=1)) and len(np.unique(same[MASK])) > 1


def _with_backbone(name, options):
    """A student on another backbone, and the side of its images."""
    spec = NetworkSettings(architecture="x", backbone=Backbone(timm=name, options=options), head="linear")
    return build(spec, "classification", 3, Sharing(), None, 0).eval(), options["img_size"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("test_vit", {"img_size": 32}),
        (
            "swin_tiny_patch4_window7_224",
            {"img_size": 32, "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2]},
        ),
    ],
    ids=["vit", "swin"],
)
def test_students_of_tokens_become_graphs(name, options):
    network, size = _with_backbone(name, options)
    images = torch.randint(0, 256, (3, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.inference_mode():
        expected = network(images).logits.softmax(1).numpy()
    found = outputs_of(graph_of([network], "classification", size), images.permute(0, 2, 3, 1).numpy())
    assert np.abs(found[PROBABILITIES] - expected).max() < 1e-5
