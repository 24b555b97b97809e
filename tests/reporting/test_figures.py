"""Figures are drawn from files alone, whatever the user's surroundings, and show what there is."""

import os
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch
from place_files import write

from kdml.common.errors import UserError
from kdml.reporting.data import Data
from kdml.reporting.figures import schemes, similarity, slices
from kdml.reporting.figures.common import KNOWLEDGE, save
from kdml.runs.graph import VARIANTS, LossWeights, paper_graph

EVEN = (LossWeights(1, 1, 1), LossWeights(1, 1, 1))


def graphs_file(folder):
    edges = [(name, edge) for name, key in VARIANTS.items() for edge in paper_graph(*key, EVEN).edges]
    rows = [
        {"variant": name, "source": edge.source, "learner": edge.learner, "knowledge": str(edge.knowledge)}
        for name, edge in edges
    ]
    return write(folder / "graphs.csv", rows)


def words(figure):
    """All texts of a figure but the numbers of its axes."""
    texts = [figure.texts, *(axes.texts for axes in figure.axes)]
    found = [text.get_text() for of in texts for text in of]
    found += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        found += [
            axes.get_title(),
            axes.get_xlabel(),
            axes.get_ylabel(),
            *(tick.get_text() for tick in axes.get_yticklabels()),
        ]
    return " | ".join(found).replace("\n", " ")


HOSTILE = "text.usetex: True\nsavefig.facecolor: red\nsavefig.transparent: True\naxes.facecolor: yellow\nfont.size: 30\nsavefig.dpi: 20\n"


def figure_1(root, folder, **surroundings):
    """Bytes of figure 1 as PNG and PDF."""
    folder.mkdir()
    (folder / "home").mkdir()
    files = [folder / "figure_01.png", folder / "figure_01.pdf"]
    command = [sys.executable, root / "src/schemes.py", "--graphs", graphs_file(folder), "--out", *files]
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MPL", "MATPLOTLIB", "XDG", "LC_", "LANG", "TZ"))
    }
    environment = {**clean, "HOME": str(folder / "home"), **surroundings}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [path.read_bytes() for path in files]


@pytest.mark.slow
def test_the_users_surroundings_change_nothing(root, tmp_path):
    """Neither a matplotlibrc in any of its places, nor a notebook's backend, nor language and time zone."""
    rc = tmp_path / "rc"
    for place in (rc, rc / "matplotlib"):
        place.mkdir()
        (place / "matplotlibrc").write_text(HOSTILE)
    away = {"TZ": "Pacific/Kiritimati", "LANG": "de_DE.UTF-8", "LC_ALL": "C"}
    hostile = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": str(rc),
        "XDG_CONFIG_HOME": str(rc),
    }
    plain = figure_1(root, tmp_path / "plain")
    assert figure_1(root, tmp_path / "hostile", **away, **hostile) == plain
    assert figure_1(root, tmp_path / "config", XDG_CONFIG_HOME=str(rc)) == plain


def test_a_matplotlibrc_where_the_workflow_runs_changes_nothing(root, tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    script = "from kdml.reporting.figures import common; import matplotlib as m; print(m.rcParams['font.size'], m.rcParams['text.usetex'])"
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["8.0", "False"]


def scheme(folder, number):
    return schemes.draw(Data({"graphs": [graphs_file(folder)]}, {"number": number}))


def test_figure_1_shows_the_styles_and_what_each_student_receives(tmp_path):
    figure = scheme(tmp_path, "1")
    shown = words(figure)
    for word in (
        "Visual",
        "Auditory",
        "Reading & Writing",
        "Kinesthetic",
        "VARK",
        "Predictions",
        "Features",
        "V1",
        "V2",
        "V3",
    ):
        assert word in shown
    strategies = [axes for axes in figure.axes if axes.get_title().startswith("V")]
    arrows = [
        [patch.get_edgecolor() for patch in axes.patches if isinstance(patch, FancyArrowPatch)] for axes in strategies
    ]
    assert [len(set(colours)) for colours in arrows] == [1, 1, 2] and all(len(colours) == 4 for colours in arrows)
    assert arrows[0][0] != arrows[1][0] and len(KNOWLEDGE) == 2


@pytest.mark.parametrize(("number", "word"), [("2", "KD (off)"), ("3", "cross-entropy"), ("8", "focal + Dice")])
def test_other_schemes(tmp_path, number, word):
    assert word in words(scheme(tmp_path, number))


def layer_rows(run, first, second, seed):
    keys = {
        "run": run,
        "seed": seed,
        "first": first,
        "second": second,
        "first_layer": "stem",
        "first_upper": "1",
        "second_layer": "stem",
    }
    layers = [keys | {"row": "0", "column": "0", "second_upper": "1", "cka": "0.5"}]
    upper = [{**keys, "upper_mean": f"0.{seed}", "images": "48"}]
    return layers, upper


def test_heat_maps_are_of_the_first_seed(tmp_path):
    both = [
        layer_rows(run, "teacher", student, seed)
        for run in ("kd_ml_v3", "kd_on_v1")
        for student in ("s1", "s2")
        for seed in ("3", "2")
    ]
    files = {
        name: [write(tmp_path / f"{name}.csv", [row for pair in both for row in pair[place]])]
        for place, name in enumerate(("layers", "upper"))
    }
    shown = words(similarity.draw(Data(files, {"number": "6"})))
    assert "KD + ML V3" in shown and "0.20" in shown and "0.30" not in shown and "KD (on)" not in shown
    with pytest.raises(UserError, match="Figure 11 compares networks that these runs do not have"):
        similarity.draw(Data(files, {"number": "11"}))


@pytest.mark.parametrize(("number", "panels"), [("4", 2 * 3), ("5", 2 * 3), ("7", 2 * 2), ("9", 2 * 3)])
def test_slices_show_what_the_figure_is_of(tmp_path, number, panels):
    pictures = {"images": np.zeros((2, 16, 16, 3), np.uint8), "masks": np.zeros((2, 16, 16), np.uint8)}
    pictures["masks"][:, 4:8, 4:8] = 1
    outputs = {f"kd_ml_v3.{network}": np.full((2, 16, 16), 200, np.uint8) for network in ("s1", "s2", "ensemble")}
    np.savez(tmp_path / "slices.npz", **pictures, **outputs)
    rows = [{"kind": "slice", "slice": str(place), "group": "p", "lesion": "16", "iou": "0.5"} for place in (0, 1)]
    box = {"top": "4", "bottom": "8", "left": "4", "right": "8", "found": "1"}
    rows += [{"kind": "region", "slice": "0", "run": "kd_ml_v3", "network": "ensemble"} | box]
    data = Data({"images": [tmp_path / "slices.npz"], "slices": [write(tmp_path / "s.csv", rows)]}, {"number": number})
    figure = slices.draw(data)
    assert len([axes for axes in figure.axes if axes.images]) >= panels and "KD + ML" in words(figure)


def test_figures_are_written_by_their_names(tmp_path):
    figure = scheme(tmp_path, "2")
    with pytest.raises(UserError, match=r"f\.svg has no known form"):
        save(figure, "T", "", [tmp_path / "f.svg"])
    save(figure, "T", "", [tmp_path / "f.png"])
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_script_of_figures(root, tmp_path):
    command = [
        sys.executable,
        root / "src/figure.py",
        "--draws",
        "figures.schemes:draw",
        "--number",
        "3",
        "--title",
        "T",
    ]
    command += ["--data", f"graphs={graphs_file(tmp_path)}", "--figure"]
    done = subprocess.run(
        [*command, tmp_path / "f.png", tmp_path / "f.pdf"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF") and b"CreationDate" not in (
        tmp_path / "f.pdf"
    ).read_bytes()
