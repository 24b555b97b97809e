"""Figures are drawn from files alone, whatever the user's surroundings, and show what there is."""

import os
import subprocess
import sys

import pytest
from place_files import band_rows, curve_rows, data_of, graphs_file, run_row, value_row, variants, write

from kdml.common.errors import UserError
from kdml.reporting.data import Data
from kdml.reporting.figures import beside, compression, curves, detection, schemes, search
from kdml.reporting.figures.common import save
from kdml.runs.graph import VARIANTS

PLACE = "paper/hcd/small"


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


def test_beside_shows_the_papers_where_it_has_them(tmp_path):
    figure = beside.draw(data_of(tmp_path, {PLACE: variants()}))
    shown = words(figure)
    assert "Metastasis classification (HCD)" in shown and "paper, mean ± SD" in shown and "batch 4 (8)" in shown
    assert figure.axes[-1].get_xlabel() == "ours (%)" and "n = 45" in figure.axes[-1].get_title()


def test_beside_draws_ours_alone_where_the_paper_has_none(tmp_path):
    """No empty scatter, no word of the paper."""
    runs = [
        run_row(run, task="polyps", task_title="Polyps", metrics="iou", title=title)
        for run, title in (("kd_ml_v3", ""), ("mine", "My own"))
    ]
    values = [value_row("kd_ml_v3", network, "iou") for network in ("s1", "s2", "ensemble")] + [
        value_row("mine", "s1", "iou")
    ]
    figure = beside.draw(data_of(tmp_path, {"paper/polyps/small": (runs, values)}))
    shown = words(figure)
    assert (
        len(figure.axes) == 1
        and "Polyps" in shown
        and "My own" in shown
        and "paper," not in shown
        and "depart" not in shown
    )
    assert len(figure.axes[0].get_yticks()) == 2


def test_beside_of_methods_and_of_networks_alone(tmp_path):
    runs = [run_row("sp", "methods"), run_row("kd_ml_v3", "methods"), run_row("rkd", "methods", title="RKD")]
    values = [
        value_row("sp", "s1"),
        value_row("kd_ml_v3", "ensemble"),
        value_row("kd_ml_v3", "s1"),
        value_row("rkd", "s1"),
    ]
    figure = beside.draw(data_of(tmp_path, {PLACE: (runs, values)}, "methods"))
    assert len(figure.axes[0].get_yticks()) == 3 and "RKD" in words(figure) and "n = 2" in figure.axes[-1].get_title()
    roles = ("baseline_teacher", "baseline_student")
    places = {
        f"paper/hcd/{pair}": (
            [run_row(role, "alone", pair=pair) for role in roles],
            [value_row(role, "baseline") for role in roles],
        )
        for pair in ("small", "other")
    }
    figure = beside.draw(data_of(tmp_path, places, "baselines"))
    assert len(figure.axes[0].get_yticks()) == 2 and "Tiny (for ResNet18)" in words(figure)


def test_beside_of_nothing_is_refused(tmp_path):
    values = [value_row("ml_v1", "s1", mean=float("nan"))]
    with pytest.raises(UserError, match="None of these runs has a value"):
        beside.draw(data_of(tmp_path, {PLACE: ([run_row("ml_v1")], values)}))


def curves_data(folder, kind, places):
    """Curves of the runs of places: place -> (rows of runs.csv)."""
    names = {place: [row["run"] for row in runs] for place, runs in places.items()}
    files = {
        "curves": {place: curve_rows(runs, where=place) for place, runs in names.items()},
        "bands": {place: band_rows(runs, where=place) for place, runs in names.items()},
    }
    return data_of(
        folder, {place: (runs, [value_row(runs[0]["run"], "s1")]) for place, runs in places.items()}, kind, **files
    )


def test_curves_are_named_by_the_data(tmp_path):
    data = curves_data(tmp_path, "results", {PLACE: [run_row("mine", title="My own"), run_row("ml_v1")]})
    for draw, columns in ((curves.draw_bands, 2), (curves.draw_runs, 3)):
        figure = draw(data)
        assert len(figure.axes) == 2 * columns
        assert [axes.get_ylabel().split("\n")[0] for axes in figure.axes[::columns]] == ["ML V1", "My own"]


def test_curves_of_a_network_that_pairs_share_are_drawn_once(tmp_path):
    names = ("baseline_teacher", "teacher")  # the pair's own offline teacher is no baseline
    places = {f"paper/hcd/{pair}": [run_row(run, "alone", pair=pair) for run in names] for pair in ("small", "other")}
    figure = curves.draw_bands(curves_data(tmp_path, "baselines", places))
    assert len(figure.axes) == 2 and figure.axes[0].get_ylabel() == "Big\npaper/hcd/small"


def scored(run, network, of, parameters, mean, students="1"):
    return {
        "run": run, "network": network, "of": of, "students": students, "parameters": str(parameters), "latency_ms": str(parameters), "size": "64",
        "threads": "1", "metric": "accuracy", "mean": str(mean), "low": "60", "high": "90", "cases": "48", "front_parameters": "0",
        "front_latency_ms": "0",
    }  # fmt: skip


def test_networks_of_equal_cost_and_score_do_not_hide_each_other(tmp_path):
    rows = [scored(run, "ensemble", "ensemble", 160, 80, "2") for run in VARIANTS]
    rows += [
        scored("baseline_teacher", "baseline", "teacher_alone", 198, 70, "0"),
        scored("kd_on_v1", "teacher", "teacher", 200, 70, "0"),
    ]
    figure = compression.draw(Data({"scores": [write(tmp_path / "scores.csv", rows)]}))
    left = figure.axes[0]
    points = [
        (round(float(line.get_xdata()[0]), 9), line.get_ydata()[0]) for line in left.lines if len(line.get_xdata()) == 1
    ]
    assert len(points) == len(set(points)) == 14
    names = {text.get_text(): text.get_position() for text in left.texts}
    assert set(names) == {"2 students", "teacher alone", "teacher"} and names["teacher"][1] != names["teacher alone"][1]
    with pytest.raises(UserError, match="no run has a score"):
        compression.draw(Data({"scores": [write(tmp_path / "none.csv", [], list(rows[0]))]}))


def test_detection_joins_variants_and_networks_alone(tmp_path):
    files = [
        write(
            tmp_path / "a.csv",
            [value_row("ml_v1", network, "found_small", of="9") for network in ("s1", "both", "ensemble")],
        ),
        write(tmp_path / "b.csv", [value_row("baseline_student", "baseline", "found_small", of="9")]),
    ]
    shown = words(detection.draw(Data({"values": files})))
    assert "ML V1" in shown and "Student network alone" in shown and "small regions, n = 9" in shown


def test_search_frames_the_best_setting(tmp_path):
    rows = [
        {
            "technique": "ml",
            "strategy": "v1",
            "alpha": alpha,
            "alpha_prime": "0.1",
            "score": score,
            "best": best,
            "papers": "0",
        }
        for alpha, score, best in (("0.1", "80", "1"), ("0.2", "70", "0"))
    ]
    assert "V1" in words(search.draw(Data({"settings": [write(tmp_path / "settings.csv", rows)]})))


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


def test_terms_within_a_decade_have_an_axis_with_numbers(tmp_path):
    data = data_of(
        tmp_path, {PLACE: ([run_row("ml_v1")], [value_row("ml_v1", "s1")])}, curves={PLACE: curve_rows(["ml_v1"])}
    )
    figure = curves.draw_runs(data)
    figure.axes[1].set_ylim(0.3, 0.8)
    figure.draw_without_rendering()
    assert {"0.3", "0.5", "0.7"} <= {tick.get_text() for tick in figure.axes[1].get_yticklabels(minor=True)}
