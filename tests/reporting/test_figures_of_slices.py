"""Figures 4, 5, 7 and 9: colours as in their bar, crops, scores, found and missed regions; readable on a page."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from place_files import write
from reporting.drawn import misplaced

from kdml.reporting.data import Data
from kdml.reporting.figures import overlays, slices
from kdml.reporting.figures.common import PIXELS, REGIONS
from kdml.runs.graph import VARIANTS
from kdml.runs.predictions import quantise

SIDE = 24
CROP = {"top": "0", "bottom": "12", "left": "2", "right": "14"}
BOX = {"top": "4", "bottom": "8", "left": "4", "right": "8"}


def files_of(
    folder,
    runs,
    count=3,
    group="TCGA_DU_A5TW_19980228_very_long",
    chance=0.8,
    networks=("s1", "s2", "ensemble"),
    region=None,
    classes=("lesion",),
):
    """Files of slices of which every network marks the lesion with `chance`."""
    arrays = {
        "images": np.full((count, SIDE, SIDE, 3), 100, np.uint8),
        "masks": np.zeros((count, SIDE, SIDE), np.uint8),
    }
    arrays["masks"][:, 4:8, 4:8] = 1
    predicted = np.full((count, SIDE, SIDE), 0.05)
    predicted[:, 4:8, 5:9] = chance
    if len(classes) > 1:
        arrays["masks"][:, 8:10, 4:8] = 2
        predicted = np.stack([1 - predicted, predicted, np.full_like(predicted, 0.01)], axis=1)
    shown = [(run, network) for run in runs for network in networks]
    np.savez(folder / "slices.npz", **arrays, **{".".join(key): quantise(predicted) for key in shown})
    rows = [
        {"kind": "slice", "slice": str(place), "chosen_for": what, "group": group, "lesion": "16", "iou": "0.5", "candidates": "590", "classes": ";".join(classes), **CROP}
        for place, what in enumerate(["hardest", "most disagreement", "median", "rank 4 of 590 by size"][:count])
    ]  # fmt: skip
    for place in range(count):
        for run, network in shown:
            keys = {"slice": str(place), "run": run, "network": network}
            rows.append({"kind": "network", **keys, "iou": "0.6"})
            rows.append({"kind": "region", **keys, **(region or BOX), "found": str(int(network != "s2"))})
    return {"images": [folder / "slices.npz"], "slices": [write(folder / "slices.csv", rows)]}


def figure_of(folder, number, runs=("kd_ml_v3",), **changed):
    return slices.draw(Data(files_of(folder, runs, **changed), {"number": number}))


def panels(figure):
    """Axes with the score of a network in their corner."""
    return [axes for axes in figure.axes if [text for text in axes.texts if text.get_text() == "60"]]


def pixels(axes):
    """Colours that an axes shows, once each."""
    return np.unique(axes.images[0].get_array().reshape(-1, 3).round(6), axis=0)


@pytest.mark.parametrize(("number", "columns", "lines"), [("4", 8, 3), ("5", 8, 1), ("7", 4, 1), ("9", 6, 1)])
def test_the_largest_fits_a_page_and_every_word_can_be_read(tmp_path, number, columns, lines):
    """All variants on as many slices as are ever chosen."""
    count = 4 if number == "7" else 3
    figure = figure_of(tmp_path, number, VARIANTS, count=count)
    assert len(panels(figure)) == count * columns * lines
    assert misplaced(figure, tmp_path / "f.pdf") == []


def test_a_figure_of_few_runs_is_not_blown_up(tmp_path):
    figure = figure_of(tmp_path, "7")
    assert {axes.get_position().width * 170 < 31 for axes in figure.axes} == {True}
    assert misplaced(figure, tmp_path / "f.pdf") == []


def test_picture_and_lesion_stand_once_at_the_left(tmp_path):
    """The whole picture with the frame of the crop, then the crop with the lesion's outline; panels show the crop."""
    figure = figure_of(tmp_path, "4", ["kd_ml_v1", "kd_ml_v3"], count=2)
    left = [axes for axes in figure.axes if axes.images and not axes.texts and not axes.get_xlabel()]
    whole, part = left[:2]
    assert len(left) == 4
    (frame,) = (patch for patch in whole.patches if isinstance(patch, Rectangle))
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (1.5, -0.5, 12, 12)
    for axes in (part, *panels(figure)):
        assert (axes.get_xlim(), axes.get_ylim()) == ((1.5, 13.5), (11.5, -0.5))
    assert len(whole.collections) == 0 and len(part.collections) == 1


@pytest.mark.parametrize("chance", [0.3, 0.5, 0.97])
def test_colours_of_panels_are_those_of_the_bar(tmp_path, chance):
    """For every brightness of the picture, to within the steps of the bar."""
    figure = figure_of(tmp_path, "5", chance=chance)
    (bar,) = (axes for axes in figure.axes if axes.get_xlabel().startswith("probability"))
    named = bar.images[0].get_array()
    column = named[:, round(chance * (named.shape[1] - 1))]
    (of_lesion,) = (colour for colour in pixels(panels(figure)[0]) if len(set(colour.tolist())) > 1)
    assert np.abs(column - of_lesion).max(axis=1).min() < 0.03


def test_small_probabilities_leave_the_picture_as_it_is():
    grey = np.array([[0.2, 0.6]])
    seen = overlays.blended(grey, np.array([[0.099, 0.1]]))
    assert seen[0, 0].tolist() == [0.2] * 3 and seen[0, 1].tolist() != [0.6] * 3


def test_an_outline_is_drawn_where_a_prediction_passes_the_half(tmp_path):
    for chance, outlines in ((0.49, 0), (0.51, 1)):
        assert {len(axes.collections) for axes in panels(figure_of(tmp_path, "5", chance=chance))} == {outlines}


def test_regions_are_framed_by_whether_they_are_found(tmp_path):
    lines = [axes.patches[0].get_linestyle() for axes in panels(figure_of(tmp_path, "9", count=1))]
    assert lines == [REGIONS["found"], REGIONS["missed"]]  # of S1, of S2


def test_frames_and_scores_stand_above_the_outlines_of_a_poor_prediction(tmp_path):
    """Outlines all over a panel hid whether its region was found, and ran through the digits."""
    for panel in panels(figure_of(tmp_path, "5", chance=0.51, count=1)):
        (outline,), (frame,), (score,) = panel.collections, panel.patches, panel.texts
        assert outline.get_zorder() < frame.get_zorder() < score.get_zorder()
        assert score.get_bbox_patch().get_alpha() in (None, 1)


def test_masks_tell_hits_from_false_and_missed_pixels(tmp_path):
    (panel,) = panels(figure_of(tmp_path, "7", count=1))
    shown = panel.images[0].get_array()  # the crop begins at column 2
    for place, what in (((5, 4), "hit"), ((5, 2), "missed"), ((5, 6), "false")):
        assert shown[place].tolist() == list(to_rgb(PIXELS[what]))


def test_a_network_that_was_not_run_is_said(tmp_path):
    runs = {"4": ["ml_v1", "kd_ml_v3"], "5": ["kd_ml_v3"]}
    missing = {
        number: [
            text.get_text() for axes in figure_of(tmp_path, number, of, count=1).axes for text in axes.texts
        ].count("not run")
        for number, of in runs.items()
    }
    assert missing == {"4": 4, "5": 0}


def test_what_a_slice_was_chosen_for_is_said(tmp_path):
    figure = figure_of(tmp_path, "5", group="P1")
    said = [text.get_text() for text in figure.texts]
    assert "Hardest: P1, lesion of 16 px" in said and "Median: P1, lesion of 16 px" in said
    assert any("from the 590 with a lesion" in text for text in [figure.get_supxlabel(), *said])


def test_frames_of_regions_that_fill_a_panel_stay_within_it(tmp_path):
    """A lesion as large as the picture is framed at the panel's edge, by four strokes and not by one."""
    for axes in panels(
        figure_of(tmp_path, "5", VARIANTS, region={"top": "0", "bottom": "12", "left": "2", "right": "14"})
    ):
        (frame,) = (patch for patch in axes.patches if isinstance(patch, Rectangle))
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert left < frame.get_x() and frame.get_x() + frame.get_width() < right
        assert top < frame.get_y() and frame.get_y() + frame.get_height() < bottom


def test_several_classes_have_a_colour_each(tmp_path):
    """In the picture of the truth both, in the network's the one that it names; the legend has their names."""
    figure = figure_of(tmp_path, "5", classes=("core", "rim"))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[-2:] == ["core", "rim"] and misplaced(figure, tmp_path / "f.pdf") == []
    blank = np.full((SIDE, SIDE), 100 / 255)
    core, rim = (
        overlays.coloured(blank, np.full((SIDE, SIDE), number, np.uint8), 2)[0, 0].round(6) for number in (1, 2)
    )
    assert abs(core.mean() - rim.mean()) > 0.05  # also in grey
    named = {tuple(pixel) for pixel in pixels(panels(figure)[0])}
    assert named == {tuple(blank[0, :1].repeat(3).round(6)), tuple(core)}
    of_truth = [axes for axes in figure.axes if axes.images and axes.images[0].get_array().max() <= 1]
    assert any({tuple(core), tuple(rim)} <= {tuple(pixel) for pixel in pixels(axes)} for axes in of_truth)


def test_a_pixel_of_another_class_is_false(tmp_path):
    """Truth above, what is named below."""
    truth, named = np.array([[0, 1, 1, 2, 0]], np.uint8), np.array([[0, 1, 2, 0, 1]], np.uint8)
    seen = overlays.judged(np.zeros((1, 5)), truth, named)[0]
    expected = [PIXELS[what] for what in ("hit", "false", "missed", "false")]
    assert [tuple(pixel) for pixel in seen[1:]] == [to_rgb(colour) for colour in expected] and not seen[0].any()
