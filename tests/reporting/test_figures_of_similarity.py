"""Figures 6, 10 and 11: maps of the first seed with the mean of their frame, and the means of all seeds beside them."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from place_files import write
from reporting.drawn import misplaced, words

from kdml.common.errors import UserError
from kdml.reporting.data import Data
from kdml.reporting.figures import similarity
from kdml.reporting.figures.common import colour_of
from kdml.runs.graph import VARIANTS

BLOCKS = {"teacher": (3, 4, 6, 3), "s1": (2, 2, 2, 2), "s2": (2, 2, 2, 2)}  # of ResNet50 and ResNet18
SEEDS = ("0", "1", "2")


def layers_of(network, decoder):
    """(name, whether it is a higher one)."""
    stages = [
        (f"layer{stage}.{block}", stage == 4 and not decoder)
        for stage, count in enumerate(BLOCKS[network], 1)
        for block in range(count)
    ]
    if decoder:
        return [("stem", False), *stages, *((f"d{place}", True) for place in range(5)), ("logits", True)]
    extra = [("extra block", True)] if network == "teacher" else []
    return [("stem", False), *stages, *extra, ("pooled", True), ("logits", True)]


def data_of(folder, number, runs=tuple(VARIANTS), seeds=SEEDS, decoder=False):
    """Files of large networks; CKA of the frame tells the seed."""
    layers, upper = [], []
    pairs = [("s1", "s2")] if number == "11" else [("teacher", "s1"), ("teacher", "s2")]
    for run in runs:
        for first, second in pairs:
            for seed in seeds:
                keys = {"run": run, "seed": seed, "first": first, "second": second}
                upper.append(keys | {"upper_mean": f"0.4{seed}", "images": "2305"})
            for row, (one, high) in enumerate(layers_of(first, decoder)):
                for column, (other, too) in enumerate(layers_of(second, decoder)):
                    names = {
                        "first_layer": one,
                        "first_upper": str(int(high)),
                        "second_layer": other,
                        "second_upper": str(int(too)),
                    }
                    layers.append(keys | {"seed": seeds[0], "row": row, "column": column, "cka": "0.5", **names})
    upper.reverse()  # the first seed need not stand first
    files = {name: [write(folder / f"{name}.csv", rows)] for name, rows in (("layers", layers), ("upper", upper))}
    return Data(files, {"number": number})


def maps(figure):
    return [axes for axes in figure.axes if axes.collections and axes.texts]


def strips(figure):
    return [axes for axes in figure.axes if axes.lines]


@pytest.mark.parametrize("decoder", [False, True], ids=["classifier", "U-Net"])
@pytest.mark.parametrize(("number", "panels", "rows"), [("6", 6, 3), ("10", 24, 4), ("11", 12, 4)])
def test_the_largest_fits_a_page_and_every_word_can_be_read(tmp_path, number, panels, rows, decoder):
    """All variants of the paper's networks; figure 10 has fewer techniques in an experiment."""
    figure = similarity.draw(data_of(tmp_path, number, decoder=decoder))
    assert (len(maps(figure)), len(strips(figure))) == (panels, rows)
    assert misplaced(figure, tmp_path / "f.pdf") == []


def test_maps_are_of_the_first_seed_and_say_the_mean_of_their_frame(tmp_path):
    figure = similarity.draw(data_of(tmp_path, "6"))
    assert {text.get_text() for axes in maps(figure) for text in axes.texts} == {"0.40"}
    (frame,) = maps(figure)[0].patches
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (7, 14, 4, 6)


def test_means_of_all_seeds_stand_beside_the_maps(tmp_path):
    figure = similarity.draw(data_of(tmp_path, "6"))
    assert len(strips(figure)) == 3
    dots, mean, *_ = strips(figure)[0].lines
    assert np.asarray(dots.get_xdata()).tolist() == [0.4, 0.41, 0.42] and mean.get_xdata()[0] == pytest.approx(0.41)
    assert [to_hex(line.get_color()).upper() for line in strips(figure)[0].lines[::2]] == [
        colour_of("s1").upper(), colour_of("s2").upper(),
    ]  # fmt: skip
    assert "2305 test images, 3 seeds" in words(figure)


def test_a_single_seed_has_a_dot(tmp_path):
    figure = similarity.draw(data_of(tmp_path, "11", ["kd_ml_v3"], ["4"]))
    assert len(strips(figure)[0].lines[0].get_xdata()) == 1 and "1 seed." in words(figure)


def test_a_network_that_taught_nobody_is_marked(tmp_path):
    shown = words(similarity.draw(data_of(tmp_path, "10", ["ml_v1", "kd_on_v1"])))
    assert "ML T: not its teacher" in shown and "KD (on) layers of T" in shown
    assert "not its teacher" not in words(similarity.draw(data_of(tmp_path, "11", ["ml_v1"])))


def test_only_what_the_figure_compares_is_shown(tmp_path):
    data = data_of(tmp_path, "6", ["kd_ml_v3", "kd_on_v1"])
    assert len(maps(similarity.draw(data))) == 2
    with pytest.raises(UserError, match="Figure 11 compares networks that these runs do not have"):
        similarity.draw(Data(data.files, {"number": "11"}))


@pytest.mark.parametrize(
    ("layer", "name"),
    [("layer4.0", "stage 4"), ("blocks.3.1", "stage 4"), ("stages.0.blocks.2", "stage 1"), ("d2", "decoder"), ("stem", "stem"),
     ("extra block", "extra"), ("logits", "logits")],
)  # fmt: skip
def test_layers_have_the_names_of_their_stages(layer, name):
    assert similarity.stage(layer) == name


def test_names_stand_at_the_middle_of_their_stage_and_the_deeper_one_stays():
    layers = ["stem", "layer1.0", "layer1.1", "layer1.2", "pooled", "logits"]
    assert similarity.ticks(layers, 3.0) == {0: "stem", 2: "stage 1", 4: "pooled", 5: "logits"}
    assert similarity.ticks(layers, 1.5) == {0: "stem", 2: "stage 1", 5: "logits"}
