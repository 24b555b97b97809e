"""Graphs in 8-bit integers: networks are, preparation and answers are not, and they say nearly the same."""

import numpy as np
import onnx
import pytest
from small import SIZE, cohort_of, settings_of, variant_graph

from kdml.deploy.model import opened
from kdml.export.graphs import PROBABILITIES, PROBABILITY, graph_of
from kdml.export.int8 import CALIBRATION, answers, calibration_rows, write_int8
from kdml.export.preparation import IMAGES, PREPARED
from kdml.runs.predictions import decisions, quantise, quantise_classes


def pictures(count, seed, side=SIZE):
    """Noise on shades from dark to bright."""
    noise = np.random.default_rng(seed).integers(0, 60, (count, side, side, 3))
    return (noise + np.linspace(0, 190, count).astype(int)[:, None, None, None]).astype(np.uint8)


@pytest.fixture(
    scope="module",
    params=[("classification", ("a", "b")), ("segmentation", ("lesion",)), ("segmentation", ("core", "rim", "cyst"))],
    ids=["classification", "mask", "mask of several classes"],
)
def graphs(request, tmp_path_factory):
    """Kind, graph in float32 and graph in integers of two students, as files."""
    kind, classes = request.param
    cohort = cohort_of(settings_of(variant_graph("kd_ml_v3"), kind).model_copy(update={"classes": classes})).eval()
    exact, rounded = (tmp_path_factory.mktemp("graphs") / f"{name}.onnx" for name in ("exact", "rounded"))
    several = kind == "segmentation" and len(classes) > 1
    model = graph_of([cohort.networks[name] for name in ("s1", "s2")], kind, SIZE, of_several=several)
    onnx.helper.set_model_props(model, {"run": "mine"})
    onnx.save(model, exact)
    write_int8(exact, rounded, pictures(16, 0))
    return kind, exact, rounded


def test_networks_are_integers_and_what_surrounds_them_is_not(graphs):
    _, exact, rounded = graphs
    before, after = (onnx.load(path) for path in (exact, rounded))
    made_by = {output: node for node in after.graph.node for output in node.output}
    for node in after.graph.node:
        inputs = {made_by[name].op_type for name in node.input if name in made_by}
        if node.op_type in ("Conv", "Gemm"):
            assert inputs == {"DequantizeLinear"}, node.name
        if node.name.startswith(("prepare/", "mask/")) or node.op_type in ("ReduceMax", "ReduceSum", "Div"):
            assert "DequantizeLinear" not in inputs, node.name
    weights = [one for one in after.graph.initializer if one.data_type == onnx.TensorProto.INT8 and len(one.dims) > 1]
    assert weights and all(np.abs(onnx.numpy_helper.to_array(one)).max() <= 64 for one in weights)  # 7 bits
    assert [one.name for one in after.graph.output] == [one.name for one in before.graph.output]
    properties = {one.key: one.value for one in after.metadata_props}
    assert properties == {"run": "mine", "quantised": "static, int8, QDQ"}


def test_preparation_is_the_same_to_the_bit(graphs):
    """For a size that has to be resized."""
    images, found = pictures(1, 3, side=50), []
    for path in graphs[1:]:
        model = onnx.load(path)
        model.graph.output.append(onnx.helper.make_tensor_value_info(PREPARED, onnx.TensorProto.UINT8, None))
        found.append(opened(model.SerializeToString(), 1).run([PREPARED], {IMAGES: images})[0])
    assert np.array_equal(*found) and found[0].shape[-2:] == (SIZE, SIZE)


def test_integers_say_nearly_the_same_of_other_pictures(graphs):
    kind, exact, rounded = graphs
    others = pictures(8, 1)
    name = PROBABILITIES if kind == "classification" else PROBABILITY
    expected, found = (opened(path.read_bytes(), 1).run([name], {IMAGES: others})[0] for path in (exact, rounded))
    assert 0 < np.abs(found - expected).max() < 0.1
    both = answers((exact, rounded), others, kind, 1)
    stored = quantise if expected.ndim == 3 else quantise_classes
    alike = [expected, found] if kind == "classification" else [stored(expected), stored(found)]
    assert all(
        np.abs(one.astype(float) - two).max() <= (1e-5 if kind == "classification" else 1)
        for one, two in zip(both, alike, strict=True)
    )
    first, second = map(decisions, both)
    assert first.shape == ((8,) if kind == "classification" else (8, SIZE, SIZE)) and (first == second).mean() > 0.9


def test_pictures_to_calibrate_with_are_spread_over_the_training_part():
    few, many = np.arange(7) * 3, np.arange(1000)
    assert calibration_rows(few).tolist() == few.tolist()
    rows = calibration_rows(many)
    assert len(rows) == len(set(rows)) == CALIBRATION and (rows[0], rows[-1]) == (0, 999) and np.diff(rows).max() <= 9
