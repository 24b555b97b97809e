"""Figures 1, 2, 3 and 8 say who sends what to whom, as the sharing graphs do."""

import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from place_files import EVEN, graphs_file
from reporting.drawn import misplaced, words

from kdml.reporting.data import Data
from kdml.reporting.figures import schemes
from kdml.reporting.figures.common import KNOWLEDGE, MARKS, colour_of
from kdml.runs.graph import VARIANTS, paper_graph

NUMBERS = ("1", "2", "3", "8")


def scheme(folder, number):
    return schemes.draw(Data({"graphs": [graphs_file(folder)]}, {"number": number}))


def arrows(axes):
    """(colour, line) of the arrows of knowledge, without their heads."""
    found = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch) and patch.get_linewidth() > 1]
    return sorted((patch.get_edgecolor(), patch.get_linestyle()) for patch in found)


def expected(run):
    """What the arrows of a variant look like: the colour of the sender, the line of the knowledge."""
    edges = paper_graph(*VARIANTS[run], EVEN).edges
    return sorted((to_rgba(colour_of(edge.source)), KNOWLEDGE[str(edge.knowledge)]) for edge in edges)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_word_can_be_read_on_a_page(tmp_path, number):
    assert misplaced(scheme(tmp_path, number), tmp_path / "f.pdf") == []


def test_figure_1_shows_the_styles_and_what_each_student_gets_from_whom(tmp_path):
    figure = scheme(tmp_path, "1")
    shown = words(figure)
    for word in ("Visual", "Auditory", "Reading & Writing", "Kinesthetic", "VARK", "Predictions", "Features"):
        assert word in shown
    titles = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert [*titles] == ["V1: both get predictions", "V2: both get features", "V3: one of each"]
    for strategy, axes in zip(("v1", "v2", "v3"), titles.values(), strict=True):
        assert arrows(axes) == expected(f"kd_ml_{strategy}")


def test_figure_2_says_losses_and_which_teacher_is_frozen(tmp_path):
    panels = {axes.get_title(): axes for axes in scheme(tmp_path, "2").axes}
    assert [*panels] == ["ML", "KD (off)", "KD (on)", "KD + ML"]
    filled = {
        title: [patch.get_facecolor() == to_rgba(MARKS["frozen"]) for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
        for title, axes in panels.items()
    }  # fmt: skip
    assert {title: sum(of) for title, of in filled.items()} == {"KD (off)": 1, "KD (on)": 0, "ML": 0, "KD + ML": 0}
    said = {title: {text.get_text().replace("\n", " ") for text in axes.texts} for title, axes in panels.items()}
    assert {"Teacher frozen", "L(KD, p)", "L′(KD, p)"} < said["KD (off)"] and "Teacher" in said["KD (on)"]
    assert said["ML"] == {"S1", "S2", "L(ML, p)", "L′(ML, p)"}
    for title, run in (("KD (off)", "kd_off_v1"), ("ML", "ml_v1"), ("KD + ML", "kd_ml_v1")):
        assert arrows(panels[title]) == expected(run)


def test_a_larger_block_is_a_larger_network(tmp_path):
    axes = scheme(tmp_path, "2").axes[1]
    areas = [patch.get_width() * patch.get_height() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert areas[0] > 2 * areas[1] and areas[1] == pytest.approx(areas[2])


@pytest.mark.parametrize(
    ("number", "of_kind"),
    [("3", ("α cross-entropy", "last map", "class probabilities", "largest p")),
     ("8", ("α (focal + Dice)", "first convolution of the decoder", "lesion probability", "union of masks"))],
)  # fmt: skip
def test_the_proposed_scheme_shows_image_losses_tapped_layer_and_ensemble(tmp_path, number, of_kind):
    figure = scheme(tmp_path, number)
    shown = words(figure)
    terms = ("β L(KD, f)", "β′ L′(KD, p)", "γ L(ML, p)", "γ′ L′(ML, f)")
    for word in ("Image", "Teacher", "Student S1", "Student S2", "Ensemble", *terms, *of_kind):
        assert word in shown, word
    assert arrows(figure.axes[0]) == expected("kd_ml_v3")
