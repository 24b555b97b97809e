"""Charts of scores, costs and lesions: what they show, and that the largest of them still fit a page."""

from itertools import pairwise
from unittest import mock

import pytest
from fabricated import call
from matplotlib.colors import to_rgba
from place_files import comparison_row, data_of, found_row, run_row, value_row, variants, write
from reporting.drawn import misplaced, words

from kdml.common.errors import UserError
from kdml.experiment.figures import PLACES_ON_A_PAGE
from kdml.reporting.data import Data
from kdml.reporting.figures import beside, compression, detection, flips, referral, reliability, search
from kdml.reporting.figures.common import FOUND, MARKS, NETWORKS, TECHNIQUES, canvas
from kdml.reporting.figures.layout import apart
from kdml.runs.graph import VARIANTS
from kdml.runs.methods import METHODS

PLACE = "paper/hcd/small"
LONG = "Every student teaches every other one, and all of them the teacher, number {}"
OWN = {f"own_{number}": LONG.format(number) for number in range(6)}
STUDENTS = tuple(f"s{number}" for number in range(1, 6))


# Ours beside the paper's


def compared(runs, network="ensemble", **changed):
    return [comparison_row(run, network, **changed) for run in runs]


def test_beside_says_the_difference_and_marks_student_and_chance(tmp_path):
    runs, values = variants()
    values = [row | {"chance": "82.0"} for row in values]
    alone = [value_row("baseline_student", "baseline", mean=81), value_row("baseline_teacher", "baseline", mean=84)]
    more = {"comparison": {PLACE: compared(VARIANTS)}, "alone": {PLACE: alone}}
    figure = beside.draw(data_of(tmp_path, {PLACE: (runs, values)}, **more))
    shown = words(figure)
    assert shown.count("−5.0 [−7.2, −2.8]") == 12 and "ours − paper [95 %]" in shown
    for text in (
        "Metastasis classification (HCD), pair small",
        "split by image",
        "n = 72",
        "batch 4 (8)",
        "paper, mean ± SD",
    ):
        assert text in shown
    (axes,) = figure.subfigs[0].axes
    upright = {
        line.get_xdata()[0]: line.get_color()
        for line in axes.lines
        if len(set(line.get_xdata())) == 1 < len(line.get_xdata())
    }
    assert upright == {81.0: NETWORKS["baseline"], 82.0: MARKS["other"]}
    assert not misplaced(figure, tmp_path / "f.pdf")


def test_beside_leaves_room_for_a_long_footnote(tmp_path):
    """Two networks alone make a low figure, and a reduced run departs from the paper in many ways."""
    long = "; ".join(f"{number} px (paper 22{number}), and so on" for number in range(14))
    alone = [
        value_row(run, "baseline", mean=mean, departures=long)
        for run, mean in (("baseline_student", 81), ("baseline_teacher", 84))
    ]
    runs = [run_row(row["run"], "alone", teacher_title="Big ResNet with a title of two lines") for row in alone]
    more = {"comparison": {PLACE: compared(("resnet18", "resnet50"), "baseline")}}
    figure = beside.draw(data_of(tmp_path, {PLACE: (runs, alone)}, kind="baselines", **more))
    assert "13 px (paper 2213)" in words(figure) and not misplaced(figure, tmp_path / "f.pdf")


def test_what_is_far_from_the_data_is_named_at_the_edge(tmp_path):
    """Chance must not squeeze what is compared."""
    runs, values = variants()
    values = [row | {"chance": "50.0"} for row in values]
    figure = beside.draw(data_of(tmp_path, {PLACE: (runs, values)}))
    (axes,) = figure.subfigs[0].axes
    assert axes.get_xlim()[0] > 70 and "← chance 50.0" in words(figure)
    (note,) = (text for text in axes.texts if "chance" in text.get_text())
    last_row = axes.transData.transform((0, axes.get_yticks()[-1] + 1))[1]
    assert note.get_window_extent().y1 < last_row


def test_beside_draws_ours_alone_where_the_paper_has_none(tmp_path):
    """No word of the paper; the value in place of the difference; no F-score, which the IoU says."""
    runs = [
        run_row(run, task="polyps", task_title="Polyps", metrics="iou;f_score", title=title)
        for run, title in (("kd_ml_v3", ""), ("mine", "My own"))
    ]
    values = [
        value_row("kd_ml_v3", network, metric) for network in ("s1", "s2", "ensemble") for metric in ("iou", "f_score")
    ]
    values += [value_row("mine", "s1", "iou", mean=70), value_row("mine", "s1", "f_score", mean=82)]
    figure = beside.draw(data_of(tmp_path, {"paper/polyps/small": (runs, values)}))
    shown = words(figure)
    assert len(figure.subfigs[0].axes) == 1 and "Polyps" in shown and "My own" in shown and "70.0 [69.0, 71.0]" in shown
    assert "paper," not in shown.replace("as in the paper,", "") and "depart" not in shown and "F-score" not in shown


def test_beside_of_methods_and_of_networks_alone(tmp_path):
    runs = [run_row("sp", "methods"), run_row("kd_ml_v3", "methods"), run_row("rkd", "methods", title="RKD")]
    values = [
        value_row("sp", "s1"),
        value_row("kd_ml_v3", "ensemble"),
        value_row("kd_ml_v3", "s1"),
        value_row("rkd", "s1"),
    ]
    papers = [comparison_row("sp", "s1"), comparison_row("kd_ml_v3", "ensemble")]
    figure = beside.draw(data_of(tmp_path, {PLACE: (runs, values)}, "methods", comparison={PLACE: papers}))
    assert len(figure.subfigs[0].axes[0].get_yticks()) == 3
    assert "RKD" in words(figure) and words(figure).count("−5.0 [") == 2 and " – " in words(figure)
    roles = ("baseline_teacher", "baseline_student")
    places = {
        f"paper/hcd/{pair}": (
            [run_row(role, "alone", pair=pair) for role in roles],
            [value_row(role, "baseline") for role in roles],
        )
        for pair in ("small", "other")
    }
    papers = {place: [comparison_row(name, "baseline") for name in ("resnet50", "resnet18")] for place in places}
    figure = beside.draw(data_of(tmp_path, places, "baselines", comparison=papers))
    assert len(figure.subfigs) == 1 and len(figure.subfigs[0].axes[0].get_yticks()) == 2
    assert (
        "Tiny (the paper: ResNet18)" in words(figure)
        and "pair" not in words(figure)
        and words(figure).count("−5.0 [") == 2
    )


def test_beside_of_nothing_is_refused(tmp_path):
    values = [value_row("ml_v1", "s1", mean=float("nan"))]
    with pytest.raises(UserError, match="None of these runs has a value"):
        beside.draw(data_of(tmp_path, {PLACE: ([run_row("ml_v1")], values)}))


@pytest.mark.slow
def test_the_largest_tables_fit_a_page_beside_the_papers(tmp_path):
    """Twelve variants and six own ones with long titles, three metrics, two protocols; fourteen methods for two tasks."""
    task, metrics = "ham10000_classification", ("precision", "recall", "accuracy")
    places, papers = {}, {}
    for protocol in ("paper", "grouped"):
        runs, values = variants(task, protocol)
        runs += [run_row(run, task=task, protocol=protocol, title=title) for run, title in OWN.items()]
        values += [
            value_row(run, network, metric) for run in OWN for network in (*STUDENTS, "ensemble") for metric in metrics
        ]
        places[f"{protocol}/{task}/small"] = (runs, values)
        papers[f"{protocol}/{task}/small"] = [row for metric in metrics for row in compared(VARIANTS, metric=metric)]
    figure = beside.draw(data_of(tmp_path, places, comparison=papers))
    assert not misplaced(figure, tmp_path / "f.pdf")
    names = (*METHODS, "own_a", "own_b", "kd_ml_v3")
    places = {
        f"{protocol}/{task}/small": (
            [run_row(name, "methods", protocol, task) for name in names],
            [value_row(name, "ensemble" if name == "kd_ml_v3" else "s1", metric) for name in names],
        )
        for protocol in ("paper", "grouped")
        for task, metric in (("hcd", "accuracy"), ("lgg", "iou"))
    }
    papers = {place: [comparison_row(name, "s1", "iou") for name in names] for place in places}
    figure = beside.draw(data_of(tmp_path / "methods", places, "methods", comparison=papers))
    assert len(figure.subfigs) == 4 and not misplaced(figure, tmp_path / "g.pdf")


# Costs


def scored(run, network, of, parameters, mean=80, students="1", chosen="0", front="0"):
    return {
        "run": run, "network": network, "of": of, "students": students, "parameters": str(int(parameters)), "latency_ms": str(parameters / 1e6), "size": "64",
        "threads": "1", "metric": "accuracy", "mean": str(mean), "low": "60", "high": "90", "cases": "48", "chosen": chosen,
        "front_parameters": front, "front_latency_ms": front,
    }  # fmt: skip


def costs_data(folder, rows, titles=()):
    runs = [run_row(run, title=dict(titles).get(run, "")) for run in dict.fromkeys(row["run"] for row in rows)] or [
        run_row("ml_v1")
    ]
    columns = list(scored("", "", "", 1))
    return Data({"scores": [write(folder / "scores.csv", rows, columns)], "runs": [write(folder / "runs.csv", runs)]})


def test_columns_are_labelled_and_no_network_hides_another(tmp_path):
    rows = [scored(run, "ensemble", "ensemble", 160e6, students="2") for run in VARIANTS]
    rows += [scored("baseline_teacher", "baseline", "teacher_alone", 198e6, 70, "0", chosen="1", front="1")]
    rows += [scored(run, "teacher", "teacher", 200e6, 70, "0") for run in VARIANTS if not run.startswith("ml")]
    figure = compression.draw(costs_data(tmp_path, rows))
    above = figure.axes[0]
    dots = [line for line in above.lines if len(line.get_xdata()) == 1 and line.get_marker() != "o"]
    places = [(round(float(line.get_xdata()[0]), 6), float(line.get_ydata()[0])) for line in dots]
    assert len(places) == len(set(places)) == 12 + 1 + 3  # one teacher for each technique, whatever is shared
    assert {line.get_marker() for line in dots} == {*TECHNIQUES.values(), "*"}
    headings = [text.get_text().split("\n") for text in above.texts if "param." in text.get_text()]
    assert headings == [
        ["2 students", "160 M param.", "160.0 ms"], ["teacher alone", "198 M param.", "198.0 ms"], ["teacher", "200 M param.", "200.0 ms"],
    ]  # fmt: skip
    assert [text.get_text() for text in above.texts if text.get_text() in ("V1", "V2", "V3")] == ["V1", "V2", "V3"] * 4
    assert "Accuracy (%), n = 48 test images" in words(figure) and not misplaced(figure, tmp_path / "f.pdf")


def test_only_what_validation_chooses_is_on_the_front(tmp_path):
    rows = [
        scored("ml_v1", "s1", "student", 40e6, 70, chosen="1", front="1"),
        scored("ml_v2", "s1", "student", 40e6, 90),
    ]
    rows += [scored("kd_on_v3", "ensemble", "ensemble", 80e6, 60, "2", chosen="1")]
    figure = compression.draw(costs_data(tmp_path, rows))
    for panel in figure.axes[1:]:
        dots = [float(line.get_ydata()[0]) for line in panel.lines if len(line.get_xdata()) == 1]
        steps = [list(line.get_ydata()) for line in panel.lines if line.get_linestyle() == ":"]
        assert dots == [70.0, 60.0] and steps == [[70.0, 70.0]]
        assert panel.get_xlim()[0] == 0
    rings = [float(line.get_ydata()[0]) for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert rings == [70.0, 60.0]


@pytest.mark.slow
def test_the_largest_compression_fits_a_page(tmp_path):
    rows = [
        scored(run, network, "student", 11e6, chosen=str(int((run, network) == ("own_1", "s2"))))
        for run in (*VARIANTS, *OWN)
        for network in ("s1", "s2")
    ]
    rows += [
        scored("baseline_student", "baseline", "student", 11e6),
        scored("baseline_teacher", "baseline", "teacher_alone", 23.5e6, chosen="1"),
    ]
    rows += [
        scored(run, "ensemble", "ensemble", 22e6, students="2", chosen=str(int(run == "ml_v1"))) for run in VARIANTS
    ]
    rows += [
        scored(
            run, "ensemble", "ensemble", (place % 3 + 3) * 11e6, students=str(place % 3 + 3), chosen=str(int(place < 3))
        )
        for place, run in enumerate(OWN)
    ]
    rows += [
        scored(run, "teacher", "teacher", 23.6e6, place, chosen=str(int(place == 4)))
        for place, run in enumerate(VARIANTS)
        if place > 3
    ]
    figure = compression.draw(costs_data(tmp_path, rows, OWN.items()))
    assert not misplaced(figure, tmp_path / "f.pdf") and f"B: {OWN['own_1']}" in words(figure)
    with pytest.raises(UserError, match="no run has a score"):
        compression.draw(costs_data(tmp_path, []))


# Regions


def shares(run, network, means, of="9"):
    """Rows of values.csv for small, medium and large regions."""
    sizes = {"small": "at most 90 px", "medium": "91 to 300 px", "large": "over 300 px"}
    return [
        value_row(run, network, f"found_{size}", mean, of=of, sizes=sizes[size])
        for size, mean in zip(sizes, means, strict=True)
    ]


def found_data(folder, found, values, runs):
    files = {"found": found, "values": values, "runs": runs}
    return Data({name: [write(folder / f"{name}.csv", rows)] for name, rows in files.items()})


def small_found(folder):
    found = [
        found_row("kd_ml_v3", 400, 2, size="large"),
        found_row("kd_ml_v3", 5, 0),
        found_row("kd_ml_v3", 100, 1, size="medium"),
    ]
    found += [
        found_row("baseline_student", area, 1, 1, size)
        for area, size in ((5, "small"), (100, "medium"), (400, "large"))
    ]
    values = shares("kd_ml_v3", "both", (0, 0, 100), "1") + shares("kd_ml_v3", "ensemble", (11, 22, 33), "1")
    values += shares("baseline_student", "baseline", (100, 100, 99), "1")
    return found_data(folder, found, values, [run_row("kd_ml_v3")])


def test_a_cell_says_how_many_students_find_a_lesion(tmp_path):
    figure = detection.draw(small_found(tmp_path))
    axes, totals = figure.axes
    alone, variant = axes.images
    assert alone.get_array().tolist() == [[2, 2, 2]] and variant.get_array().tolist() == [[0, 1, 2]]  # by their area
    colours = [tuple(colour) for colour in variant.cmap(variant.norm(variant.get_array()))[0]]
    assert colours == [to_rgba(FOUND[step]) for step in ("none", "some", "all")]
    shown = words(figure)
    assert "Student alone" in shown and "KD + ML V3" in shown and "small: at most 90 px n = 1" in shown
    assert [text.get_text() for text in totals.texts][:9] == ["100", "100", "99", *"–––", "0", "0", "100"]
    assert not misplaced(figure, tmp_path / "f.pdf")


def test_shares_by_size_name_the_limits(tmp_path):
    figure = detection.draw_by_size(small_found(tmp_path))
    assert [axes.get_title() for axes in figure.axes] == [
        "small: at most 90 px\nn = 1", "medium: 91 to 300 px\nn = 1", "large: over 300 px\nn = 1",
    ]  # fmt: skip
    assert "found by every student" in words(figure) and not misplaced(figure, tmp_path / "f.pdf")


def test_seeds_are_lines_and_what_one_was_not_tested_on_is_no_miss(tmp_path):
    found = [found_row("ml_v1", area, 2, seed=seed) for seed, area in ((0, 5), (0, 7), (1, 7))]
    figure = detection.draw(found_data(tmp_path, found, shares("ml_v1", "both", (90, 90, 90)), [run_row("ml_v1")]))
    cells = figure.axes[0].images[0].get_array()
    assert cells.mask.tolist() == [[False, False], [True, False]] and "2 seeds below each other" in words(figure)


@pytest.mark.slow
def test_the_largest_detection_fits_a_page(tmp_path):
    runs = [*VARIANTS, *OWN]
    areas = [(area, "small" if area < 140 else "medium" if area < 280 else "large") for area in range(4, 404)]
    found = [
        found_row(run, area, (area + seed) % 6, 5, size, seed)
        for run in runs
        for area, size in areas
        for seed in range(3)
    ]
    networks = (*STUDENTS, "teacher", "ensemble", "both")
    values = [row for run in runs for network in networks for row in shares(run, network, (10, 20, 100), "133–140")]
    data = found_data(tmp_path, found, values, [run_row(run, title=OWN.get(run, "")) for run in runs])
    for draw in (detection.draw, detection.draw_by_size):
        assert not misplaced(draw(data), tmp_path / "f.pdf")


def test_a_test_set_without_regions_is_refused(tmp_path):
    files = {
        name: [write(tmp_path / f"{name}.csv", [], ["run", "metric", "truth"])] for name in ("found", "values", "runs")
    }
    for draw in (detection.draw, detection.draw_by_size):
        with pytest.raises(UserError, match="has no r"):
            draw(Data(files))


# Grid search


def setting(technique, strategy, alpha, alpha_prime, score=80.0, best=0, papers=0):
    keys = {"technique": technique, "strategy": strategy, "alpha": alpha, "alpha_prime": alpha_prime}
    return {name: str(value) for name, value in (keys | {"score": score, "best": best, "papers": papers}).items()}


def test_search_frames_the_best_setting_and_the_papers(tmp_path):
    rows = [setting("ml", "v1", 0.1, 0.1, 80, best=1), setting("ml", "v1", 0.2, 0.1, 70, papers=1)]
    figure = search.draw(Data({"settings": [write(tmp_path / "settings.csv", rows)]}))
    (best, papers) = sorted(figure.axes[0].patches, key=lambda patch: patch.get_y())
    assert (best.get_linestyle(), papers.get_linestyle()) == ("-", "--") and papers.get_y() > 1
    assert "V1" in words(figure) and "the paper's weights" in words(figure)


@pytest.mark.slow
def test_the_largest_search_fits_a_page(tmp_path):
    steps = range(1, 10)
    rows = [
        setting(technique, strategy, a / 10, b / 10, 70 + a + b, a == b == 2, a == b == 1)
        for technique, strategy in VARIANTS.values()
        for a in steps
        for b in steps
    ]
    rows = [row | {name: str(int(row[name] == "True")) for name in ("best", "papers")} for row in rows]
    figure = search.draw(Data({"settings": [write(tmp_path / "settings.csv", rows)]}))
    assert not misplaced(figure, tmp_path / "f.pdf")


# Labels


def test_labels_keep_apart_and_near():
    assert apart([1.0, 5.0], 1.0) == [1.0, 5.0]
    assert apart([2.0, 2.0, 2.0], 1.0) == [1.0, 2.0, 3.0]
    placed = apart([5.0, 4.9, 0.0, 4.0], 1.0)
    ordered = sorted(placed)
    assert all(second - first >= 1 - 1e-9 for first, second in pairwise(ordered))
    assert placed[2] == 0.0 and placed[3] < placed[1] < placed[0] and apart([], 1.0) == []


def test_a_known_collision_is_seen(tmp_path):
    """Texts over each other, and one that is cut, which this measure must not let pass."""
    figure = canvas(1, 50)
    figure.subplots().set_axis_off()
    for text, x in (("one label", 0.5), ("another", 0.52), ("beyond", 0.99)):
        figure.text(x, 0.5, text)
    found = misplaced(figure, tmp_path / "f.pdf")
    assert found == ["cut: 'beyond'", "'one label' over 'another'"]


# What a clinic asks


def bin_row(run, network, number, count=20, observed=50.0, of="cases", scaled=0):
    spread = {"observed": observed, "low": observed - 9, "high": observed + 9, "seeds": 1}
    what = {"of": of, "scaled": scaled, "bin": number, "count": count, "probability": 10 * number + 5}
    return {"run": run, "network": network, **what, **spread}


def risk_row(run, network, signal, coverage, risk=20.0):
    keys = {"run": run, "network": network, "signal": signal, "coverage": coverage}
    return keys | {"risk": risk, "low": risk - 9, "high": risk + 9, "seeds": 1}


def clinic_of(folder, places, runs=("kd_ml_v3", "ml_v1"), kinds_of=("cases",), **facts):
    """Files of places with these runs and the student alone."""
    networks = ("s1", "s2", "ensemble", "teacher")
    files = {}
    for place in places:
        protocol, task, pair = place.split("/")
        kinds = [{"of": of, "scaled": scaled} for of in kinds_of for scaled in (0, 1)]
        rows = [
            bin_row(run, network, number, **kind)
            for run in runs for network in networks for number in range(10) for kind in kinds
        ]  # fmt: skip
        rows += [bin_row("baseline_student", "baseline", number, count=number) for number in range(10)]
        described = run_row("kd_ml_v3", protocol=protocol, task=task, pair=pair) | {"kind": "classification"} | facts
        signals = [("s1", "own"), ("ensemble", "own"), ("ensemble", "disagreement")]
        risky = [risk_row(run, *one, 10 * step) for run in runs for one in signals for step in range(1, 11)]
        files[f"coverage:{place}"] = [write(folder / place / "coverage.csv", risky, tuple(risk_row("", "", "", 0)))]
        files[f"reliability:{place}"] = [write(folder / place / "reliability.csv", rows)]
        files[f"runs:{place}"] = [write(folder / place / "runs.csv", [described])]
    return Data(files)


def test_reliability_is_of_the_proposed_variant_and_the_student_alone(tmp_path):
    figure = reliability.draw(clinic_of(tmp_path, [PLACE]))
    axes, scaled, *nothing = figure.subfigs[0].axes
    lines = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
    assert list(lines) == ["perfect calibration", "Student alone", "T", "S1", "S2", "Ensemble"]
    assert lines["Student alone"] == [55, 65, 75, 85, 95] and len(lines["S1"]) == 10  # bins with 5 cases and more
    assert len(scaled.lines) == 5  # of the student alone nothing is scaled here
    assert [axes.get_title(), scaled.get_title()] == ["Images", "Images, scaled"]
    assert not any(one.axison for one in nothing)  # images have no regions
    assert "came true (%)" in words(figure) and "Metastasis classification (HCD), pair small" in words(figure)
    assert not misplaced(figure, tmp_path / "f.pdf")


@pytest.mark.parametrize(("classes", "pixels"), [("lesion", "Pixels: lesion"), ("disc;ring", "Pixels")])
def test_reliability_of_masks_is_that_of_pixels_and_of_regions(classes, pixels, tmp_path):
    """Where the proposed variant was not run, of the first one."""
    facts = {"kind": "segmentation", "classes": classes, "kinds_of": ("cases", "regions")}
    figure = reliability.draw(clinic_of(tmp_path, [PLACE], ("mine", "kd_on_v1"), **facts))
    titles = [axes.get_title() for axes in figure.subfigs[0].axes]
    assert titles == [pixels, f"{pixels}, scaled", "Marked regions", "Marked regions, scaled"]
    assert [len(axes.lines) for axes in figure.subfigs[0].axes] == [6, 5, 5, 5]
    assert not misplaced(figure, tmp_path / "f.pdf")


def test_risks_are_of_the_strategies_of_the_proposed_technique(tmp_path):
    figure = referral.draw(clinic_of(tmp_path, [PLACE], ("mine", "ml_v1", "kd_ml_v3", "kd_ml_v1", "kd_ml_v2")))
    panels = figure.subfigs[0].axes
    assert [axes.get_title() for axes in panels] == ["KD + ML V1", "KD + ML V2", "KD + ML V3"]
    lines = {line.get_label(): line for line in panels[0].lines}
    assert list(lines) == ["S1, own uncertainty", "Ensemble, own uncertainty", "Ensemble, students' disagreement"]
    assert list(lines["S1, own uncertainty"].get_xdata()) == [10 * step for step in range(1, 11)]
    assert "surest cases (%)" in words(figure) and not misplaced(figure, tmp_path / "f.pdf")


def test_risks_are_of_the_first_variants_where_that_was_not_run(tmp_path):
    figure = referral.draw(clinic_of(tmp_path, [PLACE], ("mine", "ml_v2", "ml_v1", "kd_on_v1")))
    assert [axes.get_title() for axes in figure.subfigs[0].axes] == ["ML V1", "ML V2", "KD (on) V1"]


def test_risks_of_a_single_run_fill_the_figure(tmp_path):
    figure = referral.draw(clinic_of(tmp_path, [PLACE], ("ml_v1",)))
    (axes,) = figure.subfigs[0].axes
    assert axes.get_position().width > 0.6 and not misplaced(figure, tmp_path / "f.pdf")


def test_risks_of_fewer_runs_leave_the_rest_of_a_line_empty(tmp_path):
    two = clinic_of(tmp_path, [PLACE], ("ml_v1", "ml_v2"))
    one = clinic_of(tmp_path, ["paper/hcd/other"], ("ml_v1",))
    figure = referral.draw(Data({**two.files, **one.files}))
    assert [[axes.axison for axes in part.axes] for part in figure.subfigs] == [[True, True], [True, False]]
    assert not misplaced(figure, tmp_path / "f.pdf")


def test_where_no_students_can_disagree_the_figure_says_so(tmp_path):
    figure = referral.draw(clinic_of(tmp_path, [PLACE], ()))
    assert referral.NOBODY in [text.get_text() for text in figure.subfigs[0].texts]
    assert not misplaced(figure, tmp_path / "f.pdf")


@pytest.mark.parametrize(("name", "figure"), [("clinic_reliability", reliability), ("clinic_referral", referral)])
def test_as_many_places_as_a_page_has_fit_it(name, figure, tmp_path):
    count = PLACES_ON_A_PAGE[name]
    places = [f"{protocol}/{task}/small" for protocol in ("paper", "grouped") for task in ("hcd", "lgg")][:count]
    drawn = figure.draw(clinic_of(tmp_path, places, kinds_of=("cases", "regions")))
    assert len(drawn.subfigs) == count > 2 and not misplaced(drawn, tmp_path / "f.pdf")


def test_the_script_deals_places_out_to_figures(tmp_path):
    """Three places on two figures: two on the first, one on the second; the table has all."""
    places, words = [f"paper/{task}/small" for task in ("hcd", "lgg", "polyps")], []
    clinic_of(tmp_path, places)
    for place in places:
        folder = tmp_path / place
        described = run_row("kd_ml_v3", task=place.split("/")[1]) | {"kind": "classification", "classes": "a;b"}
        write(folder / "runs.csv", [described])
        write(folder / "values.csv", [value_row("kd_ml_v3", "s1", "sensitivity")])
        cell = {"run": "kd_ml_v3", "network": "s1", "true": "a", "predicted": "a", "mean": 1, "seeds": 1, "share": 100}
        write(folder / "confusion.csv", [cell])
        write(folder / "contrasts.csv", [{"family": "claims"}])
        write(folder / "flips.csv", flip_rows("kd_ml_v3"))
        write(folder / "non_inferiority.csv", [judged_row("kd_ml_v3", "ensemble")])
        write(folder / "second_student.csv", [second_row("kd_ml_v3")])
        write(folder / "scores.csv", [cost_row("kd_ml_v3", name) for name in ("s1", "ensemble")])
        kinds = (
            "runs",
            "values",
            "confusion",
            "reliability",
            "coverage",
            "contrasts",
            "flips",
            "non_inferiority",
            "second_student",
            "scores",
        )
        words += [f"{kind}:{place}={folder / kind}.csv" for kind in kinds]
    names = ("clinic_reliability", "clinic_referral", "clinic_referral_2", "clinic_flips")
    figures = [tmp_path / f"{name}.{suffix}" for name in names for suffix in ("png", "pdf")]
    tables = [tmp_path / "clinic.csv", tmp_path / "clinic_teacher.csv", tmp_path / "clinic.md"]
    arguments = (
        "--titles",
        "clinic=A title",
        "--captions",
        "clinic=C",
        "--drawn",
        "--data",
        *words,
        "--tables",
        *tables,
    )
    with mock.patch.object(referral, "draw", side_effect=referral.draw) as drawn:
        assert call("clinic", *arguments, "--figures", *figures) == (0, "")
    assert [one.args[0].places("runs") for one in drawn.call_args_list] == [places[:2], places[2:]]
    assert all(path.stat().st_size > 3000 for path in figures) and tables[2].read_text().startswith("# A title")
    assert all("polyps" in path.read_text() for path in tables[:2])
    code, said = call("clinic", *arguments, "--figures", tmp_path / "other.pdf")
    assert code == 2 and "other is no figure of what a clinic asks" in said


def judged_row(run, network, estimate="1.5", **changed):
    return {
        "run": run, "network": network, "against": "baseline_teacher", "metric": "accuracy", "margin": "2.0", "estimate": estimate,
        "low": "-1.2", "high": "3", "verdict": "good enough", "power": "0.42", "detectable": "3.4", "seeds": "3", "cases": "140", "groups": "35", "remark": "", **changed,
    }  # fmt: skip


def flip_row(run, network, against, attribute="", subgroup="", flips="5.5", worst="0", cases="140"):
    return {
        "run": run, "network": network, "against": against, "attribute": attribute, "subgroup": subgroup, "cases": cases, "groups": "35",
        "seeds": "3", "flips": flips, "low": "2.2", "high": "9.9", "gains": "4", "level": "0.975", "subgroups": "2", "left_out": "1",
        "worst": worst, "remark": "",
    }  # fmt: skip


def flip_rows(run, against="baseline_teacher", subgroups=2):
    named = [("site", f"place {number}") for number in range(subgroups)]
    rows = [flip_row(run, "ensemble", against)]
    return rows + [
        flip_row(run, "ensemble", against, *one, f"{n}.5", str(int(n == subgroups - 1)), "20")
        for n, one in enumerate(named)
    ]


def second_row(run):
    return {
        "run": run, "single": "s1", "students": "2", "validation": "81.5", "metric": "accuracy", "single_mean": "80", "ensemble_mean": "82",
        "gained": "2", "low": "1", "high": "3", "seeds": "3", "cases": "140", "ensemble": "ensemble", "third": "",
    }  # fmt: skip


def cost_row(run, network):
    times = 1 + (network == "ensemble")
    return {
        "run": run,
        "network": network,
        "parameters": 250000 * times,
        "macs": 2e7 * times,
        "latency_ms": 1.5 * times,
    }


def flips_of(folder, judged, flipped, places=(PLACE,)):
    files = {}
    for place in places:
        protocol, task, pair = place.split("/")
        described = run_row("kd_ml_v3", protocol=protocol, task=task, pair=pair)
        files[f"runs:{place}"] = [write(folder / place / "runs.csv", [described])]
        files[f"non_inferiority:{place}"] = [write(folder / place / "n.csv", judged, ("run", "network", "estimate"))]
        files[f"flips:{place}"] = [write(folder / place / "f.csv", flipped, ("run", "network"))]
    return flips.draw(Data(files))


def test_differences_to_the_teacher_and_flips_by_subgroup_are_drawn(tmp_path):
    judged = [
        judged_row("kd_ml_v3", "ensemble"),
        judged_row("kd_ml_v3", "s1"),
        judged_row("baseline_student", "baseline", "-3"),
    ]
    figure = flips_of(tmp_path, judged, [*flip_rows("ml_v1"), *flip_rows("kd_ml_v3", subgroups=20)])
    left, right = figure.subfigs[0].axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["Student alone", "KD + ML V3"]
    assert {line.get_label(): line.get_xdata()[0] for line in left.lines[:2]} == {"as the teacher": 0, "margin": -2}
    named = [label.get_text() for label in right.get_yticklabels()]
    assert len(named) == 1 + flips.MOST and named[0] == "all (140)" and named[-1] == "site: place 19 (20)"
    assert "site: place 5 (20)" not in named and right.get_title() == "KD + ML V3"


def test_flips_against_its_own_teacher_are_drawn_where_none_was_trained_alone(tmp_path):
    figure = flips_of(tmp_path, [], flip_rows("kd_on_v1", "teacher"))
    left, right = figure.subfigs[0].axes
    assert not left.axison and right.get_title() == "KD (on) V1"


def test_differences_to_its_own_teacher_are_drawn_where_none_was_trained_alone(tmp_path):
    both = [judged_row("kd_on_v1", "ensemble", against=one) for one in ("teacher", "baseline_teacher")]
    for judged, teacher in ((both[:1], "own teacher"), (both, "teacher alone")):
        (left, _) = flips_of(tmp_path, judged, flip_rows("kd_on_v1")).subfigs[0].axes
        assert [label.get_text() for label in left.get_yticklabels()] == ["KD (on) V1"]
        assert left.get_xlabel().endswith(f"minus {teacher} (points)")


def test_without_any_teacher_the_figure_says_so(tmp_path):
    """ML alone, and no baselines: the page is made all the same."""
    figure = flips_of(tmp_path, [], [])
    assert flips.NOBODY in [text.get_text() for text in figure.subfigs[0].texts]
    assert not misplaced(figure, tmp_path / "flips.pdf")


def test_the_largest_figure_of_flips_fits_a_page(tmp_path):
    judged = [judged_row("baseline_student", "baseline"), *(judged_row(run, "ensemble") for run in (*VARIANTS, *OWN))]
    places = ["paper/hcd/small", "grouped/ham10000_segmentation/resnet50-mobilenet"]
    figure = flips_of(tmp_path, judged, flip_rows("kd_ml_v3", subgroups=30), places)
    assert not misplaced(figure, tmp_path / "flips.pdf")


def test_reliability_of_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match="without a network to draw"):
        rows = [bin_row("baseline_teacher", "baseline", 1)]
        reliability.draw(Data({f"reliability:{PLACE}": [write(tmp_path / "r.csv", rows)]}))
