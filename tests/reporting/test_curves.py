"""Learning curves: what panels, strokes and scales mean, and that the largest figures still fit a page."""

import pytest
from place_files import TITLES, band_rows, curve_rows, data_of, run_row, value_row
from reporting.drawn import misplaced, words

from kdml.common.errors import UserError
from kdml.reporting.figures import curves
from kdml.reporting.figures.common import KNOWLEDGE, NETWORKS, TERMS
from kdml.runs.graph import TECHNIQUES, VARIANTS
from kdml.runs.methods import METHODS

PLACE = "paper/hcd/small"
OWN = {
    f"own_{number}": f"Every student teaches every other one, and all of them the teacher, number {number}"
    for number in range(4)
}
STUDENTS = tuple(f"s{number}" for number in range(1, 6))


def curves_data(folder, kind, places, **rows):
    """Curves of the runs of places: place -> (rows of runs.csv)."""
    names = {place: [row["run"] for row in runs] for place, runs in places.items()}
    files = {
        "curves": {place: curve_rows(runs, where=place) for place, runs in names.items()},
        "bands": {place: band_rows(runs, where=place) for place, runs in names.items()},
    } | rows  # fmt: skip
    return data_of(
        folder, {place: (runs, [value_row(runs[0]["run"], "s1")]) for place, runs in places.items()}, kind, **files
    )


def drawn(figure):
    """Panels that show something, by their titles and the strategy beside them."""
    panels = [axes for part in figure.subfigs for axes in part.axes if axes.axison]
    return {(axes.get_title().replace("\n", " "), axes.get_ylabel()): axes for axes in panels}


def test_techniques_are_columns_and_strategies_rows_in_one_order(tmp_path):
    runs = [run_row(run) for run in reversed(VARIANTS) if run != "kd_on_v2"] + [run_row("mine", title="My own")]
    data = curves_data(tmp_path, "results", {PLACE: runs})
    for draw in (curves.draw_bands, curves.draw_runs):
        (part,) = draw(data).subfigs
        first = part.axes[:4]
        assert [axes.get_title() for axes in first] == [kind.title for kind in TECHNIQUES.values()]
        assert [axes.get_ylabel() for axes in part.axes[::4]] == ["V1", "V2", "V3", ""]
        assert [axes.axison for axes in part.axes[4:8]] == [True, True, False, True]
        assert part.axes[12].get_title() == "My own" and [axes.axison for axes in part.axes[13:]] == [False] * 3


def test_scores_are_in_percent_under_their_name(tmp_path):
    """The third metric of a table is what its task is judged by."""
    task = "ham10000_classification"
    figure = curves.draw_bands(
        curves_data(tmp_path, "results", {f"grouped/{task}/small": [run_row("ml_v1", task=task)]})
    )
    (axes,) = drawn(figure).values()
    assert list(axes.lines[0].get_ydata()) == [50.0, 50.0] and "Accuracy on validation images (%)" in words(figure)
    assert "split by patient, lesion or slide" in words(figure) and "seed" not in words(figure)


def test_a_range_of_seeds_is_said(tmp_path):
    rows = [row | {"seeds": "3"} for row in band_rows(["ml_v1"])]
    figure = curves.draw_bands(curves_data(tmp_path, "results", {PLACE: [run_row("ml_v1")]}, bands={PLACE: rows}))
    assert "lowest to highest seed" in words(figure)


def test_curves_of_a_network_that_pairs_share_are_drawn_once(tmp_path):
    names = ("baseline_teacher", "teacher")  # the pair's own offline teacher is no baseline
    places = {f"paper/hcd/{pair}": [run_row(run, "alone", pair=pair) for run in names] for pair in ("small", "other")}
    figure = curves.draw_bands(curves_data(tmp_path, "baselines", places))
    assert list(drawn(figure)) == [("Big", "")] and TITLES["hcd"] in words(figure)


def terms(run, names, networks=("s1", "s2"), seeds=3, epochs=3, scale=1.0):
    """Rows of curves.csv: terms of every network and seed."""
    return [
        {"where": "", "run": run, "seed": str(seed), "epoch": str(epoch), "part": "train", "network": network, "term": term,
         "value": str(scale * 10.0 ** -place / (epoch + 1 + seed / 10))}
        for network in networks
        for place, term in enumerate(names)
        for seed in range(seeds)
        for epoch in range(epochs)
    ]  # fmt: skip


def test_strokes_and_hues_mean_one_thing_in_all_panels(tmp_path):
    """Though the terms of the panels come in another order by the alphabet."""
    rows = terms("kd_ml_v1", ("supervised", "total", "predictions_from_teacher", "predictions_from_s2"), ("s1",))
    rows += terms("kd_ml_v3", ("supervised", "features_from_teacher", "predictions_from_s2"), ("s1",))
    data = curves_data(
        tmp_path, "results", {PLACE: [run_row(run) for run in ("kd_ml_v1", "kd_ml_v3")]}, curves={PLACE: rows}
    )
    figure = curves.draw_runs(data)
    first, second = drawn(figure).values()
    strokes = [[line.get_linestyle() for line in axes.lines if len(line.get_xdata()) > 1] for axes in (first, second)]
    assert (
        strokes[0].count(TERMS["predictions"]) == 6
        and strokes[0].count(TERMS["supervised"]) == 3
        and len(strokes[0]) == 9
    )
    assert sorted(strokes[1]) == sorted(
        [TERMS["features"]] * 3 + [TERMS["predictions"]] * 3 + [TERMS["supervised"]] * 3
    )
    assert TERMS.items() >= KNOWLEDGE.items()
    ends = {line.get_color() for line in first.lines if len(line.get_xdata()) == 1}
    assert ends == {NETWORKS["teacher"], NETWORKS["s2"]}  # who sends
    assert {line.get_color() for line in first.lines if len(line.get_xdata()) > 1} == {NETWORKS["s1"]}
    shown = words(figure)
    assert all(word in shown for word in ("predictions", "features", "labels", "who sends", "S1", "S2"))


def test_dots_of_curves_that_coincide_stand_side_by_side(tmp_path):
    """As those of students who teach each other: of equal height at the last epoch, and both to be seen."""
    rows = terms("ml_v1", ("predictions_from_s2",), ("s1",)) + terms("ml_v1", ("predictions_from_s1",), ("s2",))
    figure = curves.draw_runs(curves_data(tmp_path, "results", {PLACE: [run_row("ml_v1")]}, curves={PLACE: rows}))
    (axes,) = drawn(figure).values()
    figure.draw_without_rendering()
    dots = [line for line in axes.lines if len(line.get_xdata()) == 1]
    places = {line.get_color(): line.get_transform().transform(line.get_xydata()[0])[0] for line in dots}
    assert places.keys() == {NETWORKS["s1"], NETWORKS["s2"]}  # who sends
    points = (places[NETWORKS["s1"]] - places[NETWORKS["s2"]]) * 72 / figure.dpi
    assert points == pytest.approx(dots[0].get_markersize())


@pytest.mark.parametrize(("scale", "names"), [(1, 1), (0.97, 1), (3e-4, 1), (1, 2), (7, 5), (1e-6, 9)])
def test_log_scales_always_have_numbers(tmp_path, scale, names):
    """Also within a decade, and over many."""
    used = [f"term_{place}" for place in range(names)]
    rows = terms("sp", used, ("s1",), scale=scale)
    figure = curves.draw_runs(
        curves_data(tmp_path, "methods", {PLACE: [run_row("sp", "methods")]}, curves={PLACE: rows})
    )
    (axes,) = drawn(figure).values()
    figure.draw_without_rendering()
    low, high = axes.get_ylim()
    inside = [tick for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert 2 <= len([tick.label1.get_text() for tick in inside if tick.label1.get_text()]) <= 7


def test_terms_below_zero_are_drawn(tmp_path):
    rows = terms("sp", ("critic",), ("s1",))
    rows = [row | {"value": f"-{row['value']}"} for row in rows] + terms("sp", ("supervised",), ("s1",))
    figure = curves.draw_runs(
        curves_data(tmp_path, "methods", {PLACE: [run_row("sp", "methods")]}, curves={PLACE: rows})
    )
    (axes,) = drawn(figure).values()
    shown = [tick.get_text() for tick in axes.get_yticklabels()]
    assert "0" in shown and any(text.startswith("−") for text in shown) and axes.get_ylim()[0] < 0


def test_terms_of_a_methods_own_are_named_at_their_curves(tmp_path):
    rows = terms("sp", ("supervised", "kd", "hint", "second_hint"), ("s1",))
    figure = curves.draw_runs(
        curves_data(tmp_path, "methods", {PLACE: [run_row("sp", "methods")]}, curves={PLACE: rows})
    )
    (axes,) = drawn(figure).values()
    assert [text.get_text() for text in axes.texts] == ["hint", "second hint"]
    assert (
        list(axes.get_xticks()) == [1, 2, 3] and axes.get_xlim()[1] > 3.5
    )  # room for names, but no epoch that never was
    strokes = [line.get_linestyle() for line in axes.lines if len(line.get_xdata()) > 1]
    assert sorted(strokes) == sorted([TERMS["predictions"], TERMS["supervised"], TERMS["own"], TERMS["own"]] * 3)


def test_all_marks_of_methods_and_the_proposed_variant_are_within_the_page(tmp_path):
    """As of table 10, where both have terms: three networks, every stroke, and who sends."""
    rows = terms("kd_ml_v3", ("supervised", "predictions_from_teacher", "features_from_s2"), ("s1", "s2"))
    rows += terms("sp", ("supervised", "similarity"), ("s1",))
    runs = [run_row("kd_ml_v3"), run_row("sp", "methods")]
    figure = curves.draw_runs(curves_data(tmp_path, "methods", {PLACE: runs}, curves={PLACE: rows}))
    assert "who sends" in words(figure) and not misplaced(figure, tmp_path / "f.pdf")


@pytest.mark.slow
@pytest.mark.parametrize("draw", [curves.draw_bands, curves.draw_runs])
def test_the_largest_curves_fit_a_page(tmp_path, draw):
    """Own variants of five students in two protocols, and fourteen methods with three terms each, with three seeds."""
    names = [*VARIANTS, *OWN]
    used = ("supervised", "predictions_from_teacher", "features_from_s2")
    rows = [row for name in names for row in terms(name, used, (*STUDENTS, "teacher"))]
    places = {
        f"{protocol}/hcd/small": [run_row(name, protocol=protocol, title=OWN.get(name, "")) for name in names]
        for protocol in ("paper", "grouped")
    }
    bands = [row | {"seeds": "3"} for network in (*STUDENTS, "teacher") for row in band_rows(names, network)]
    more = {"curves": dict.fromkeys(places, rows), "bands": dict.fromkeys(places, bands)}
    assert not misplaced(draw(curves_data(tmp_path, "results", places, **more)), tmp_path / "f.pdf")
    methods = (*METHODS, "own_a", "own_b", "kd_ml_v3")
    rows = [
        row
        for name in methods
        for row in terms(name, ("supervised", "kd", "hint", "similarity", "adversarial"), ("s1",))
    ]
    places = {
        f"paper/{task}/small": [run_row(name, "methods", task=task) for name in methods] for task in ("hcd", "lgg")
    }
    more = {"curves": dict.fromkeys(places, rows), "bands": dict.fromkeys(places, band_rows(methods))}
    assert not misplaced(draw(curves_data(tmp_path / "methods", "methods", places, **more)), tmp_path / "g.pdf")


def test_curves_of_nothing_are_refused(tmp_path):
    data = curves_data(tmp_path, "baselines", {PLACE: [run_row("teacher", "alone")]})
    with pytest.raises(UserError, match="None of these runs has a curve"):
        curves.draw_bands(data)
