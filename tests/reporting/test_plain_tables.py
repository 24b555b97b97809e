"""Tables whose rows a reader may sort: what they say and what they store."""

import subprocess
import sys

import pytest
from place_files import data_of, run_row, value_row, write

from kdml.analysis import flips, non_inferiority, second_student
from kdml.common.errors import UserError
from kdml.reporting.data import Data
from kdml.reporting.draws import drawn_by
from kdml.reporting.plain_tables import (
    architecture,
    between_protocols,
    clinic,
    clinic_teacher,
    comparison,
    contrasts,
    costs,
    detection,
    grid_search,
    losses,
    methods,
    sharing,
    similarity,
)
from kdml.runs.graph import VARIANTS, LossWeights, paper_graph

EVEN = (LossWeights(1, 1, 1), LossWeights(1, 1, 1))
GRAPHS = [
    {"variant": name, "source": edge.source, "learner": edge.learner, "knowledge": str(edge.knowledge)}
    for name, key in VARIANTS.items()
    for edge in paper_graph(*key, EVEN).edges
]
PLACE = "paper/hcd/small"


def given(folder, **files):
    """Data of CSV files by label; double underscores stand for colons before the place."""
    return Data(
        {label.replace("__", f":{PLACE}"): [write(folder / f"{label}.csv", rows)] for label, rows in files.items()}
    )


def shown(table):
    return [[cell.text for cell in line.cells] for line in table.sections[0].blocks[0].lines]


def by_first(table):
    return {first: rest for first, *rest in shown(table)}


def test_table_1_is_the_papers(tmp_path):
    table = sharing.table(given(tmp_path, graphs=GRAPHS))
    columns = [column.title for column in table.sections[0].blocks[0].columns]
    assert columns == ["Variant", "T → S1", "T → S2", "S1 → S2", "S2 → S1"]
    found = by_first(table)
    assert found["KD + ML V3"] == ["features", "predictions", "features", "predictions"]
    assert found["KD (off) V1"] == ["predictions", "predictions", "–", "–"]
    assert found["ML V2"][2:] == ["features", "features"]


def test_table_5_names_every_term(tmp_path):
    found = by_first(losses.table(given(tmp_path, graphs=GRAPHS)))
    assert found["KD + ML V3"] == ["L(KD, f) + L(ML, p)", "L′(KD, p) + L′(ML, f)"]
    assert found["ML V1"] == ["L(ML, p)", "L′(ML, p)"]


def test_an_online_teacher_that_learns_from_a_student_has_its_terms(tmp_path):
    edges = (("s1", "teacher", "features"), ("teacher", "s1", "predictions"))
    rows = [dict(zip(GRAPHS[0], ("mine", *edge), strict=True)) for edge in edges]
    assert by_first(losses.table(given(tmp_path, graphs=rows)))["mine"] == ["L(ML, f)", "L(KD, p)"]


COST = {"saved": "0", "macs": "1e9", "bytes": "1e6", "latency_ms": "2", "size": "64", "threads": "1", "machine": "m"}
NETWORKS = (("teacher", "0", "200"), ("student", "1", "80"), ("ensemble", "2", "160"), ("teacher_alone", "0", "190"))
COSTS = [{"network": name, "students": students, "parameters": n, **COST} for name, students, n in NETWORKS]


def score(run, network, of, students="0", mean="70"):
    return {
        "of": of,
        "students": students,
        "run": run,
        "network": network,
        "mean": mean,
        "low": "60",
        "high": "80",
        "cases": "72",
    }


def test_costs_stand_beside_the_scores_of_the_network_that_has_them(tmp_path):
    """The teacher network alone lacks the extra block; an online teacher has it; a frozen one is no score of a teacher's own."""
    scores = [
        score("kd_off_v1", "teacher", "teacher", mean="99"), score("kd_on_v1", "teacher", "teacher", mean="71"),
        score("baseline_teacher", "baseline", "teacher_alone", mean="72"), score("baseline_student", "baseline", "student", "1"),
        score("kd_ml_v1", "ensemble", "ensemble", "2", "75"),
    ]  # fmt: skip
    table = costs.table(given(tmp_path, costs__=COSTS, scores__=scores))
    found = {row[0]: (row[1], *row[-2:]) for row in shown(table)}
    assert found["Teacher"] == ("200", "KD (on) V1", "71.0 [60, 80]")
    assert found["Teacher alone"] == ("190", "Teacher alone", "72.0 [60, 80]")
    assert found["One student"][1] == "Student alone" and found["2 students (ensemble)"][1] == "KD + ML V1"
    assert table.notes == ("Latency for images of 64 × 64 pixels: 1 thread, m.",)


def test_a_teacher_that_was_only_frozen_has_no_score(tmp_path):
    scores = [score("kd_off_v1", "teacher", "teacher"), score("kd_off_v1", "ensemble", "ensemble", "3")]
    found = {row[0]: row[-2:] for row in shown(costs.table(given(tmp_path, costs__=COSTS, scores__=scores)))}
    assert set(map(tuple, found.values())) == {("–", "–")}


METHOD = {"run": "sp", "title": "SP", "student_parameters": "1e6", "adaptor_parameters": "0", "adversary_parameters": "0",
          "stages": "1", "weights": "similarity 375", "options": "", "departures": "weight follows the batch"}  # fmt: skip


@pytest.mark.parametrize(("student", "papers"), [("resnet18", "94.56 ± 0.311"), ("mobilenet", "–"), ("", "–")])
def test_table_10_shows_the_papers_number_only_where_it_has_one(tmp_path, student, papers):
    """It has numbers for one student."""
    runs = [run_row(run, "methods", student_stands_for=student) for run in ("sp", "kd_ml_v3")]
    values = [
        value_row("sp", "s1", mean=90, low="nan", high="nan"),
        value_row("kd_ml_v3", "ensemble"),
        value_row("kd_ml_v3", "s1"),
    ]
    against = {
        "family": "methods",
        "right": "sp",
        "metric": "accuracy",
        "estimate": "2",
        "low": "1",
        "high": "3",
        "p": "0.01",
        "p_holm": "0.02",
        "cases": "72",
    }
    data = data_of(
        tmp_path,
        {PLACE: (runs, values)},
        "methods",
        "table_10",
        methods={PLACE: [METHOD]},
        contrasts={PLACE: [against]},
    )
    mine, proposed = shown(methods.table(data))
    assert mine[:7] == ["SP", "Accuracy", papers, "90.0 ± 0.1", "2.0 [1, 3]", "0.010", "0.020"]
    assert proposed[0] == "KD + ML V3 (proposed)" and proposed[3] == "80.0 ± 0.1"


def test_a_method_of_ones_own_on_a_task_of_ones_own(tmp_path):
    runs = [run_row("rkd", "methods", task="polyps", metrics="iou", title="RKD")]
    place = "paper/polyps/small"
    data = data_of(
        tmp_path,
        {place: (runs, [value_row("rkd", "s1", "iou")])},
        "methods",
        methods={place: [METHOD | {"run": "rkd", "title": "RKD"}]},
    )
    table = methods.table(data)
    ((method, metric, papers, *_),) = shown(table)
    assert (method, metric, papers) == ("RKD", "IoU", "–") and table.stored()[1][0]["Task"] == "polyps"


def test_methods_of_mixed_code_are_refused(tmp_path):
    values = [value_row("sp", "s1"), value_row("kd_ml_v3", "ensemble", code_hash="old")]
    runs = [run_row("sp", "methods"), run_row("kd_ml_v3", "methods")]
    with pytest.raises(UserError, match="2 versions"):
        methods.table(data_of(tmp_path, {PLACE: (runs, values)}, "methods", methods={PLACE: [METHOD]}))


CONTRAST = {"right": "ml_v1", "metric": "accuracy", "network": "ensemble", "estimate": "1", "low": "0", "high": "2", "p": "0.5",
            "p_holm": "1", "by_seed": "1.0", "p_seeds": "", "seeds_ahead": "1", "test": "McNemar", "p_cases": "0.1", "remark": "r",
            "seeds": "1", "cases": "140"}  # fmt: skip


def test_contrasts_show_two_families(tmp_path):
    rows = [CONTRAST | {"family": family} for family in ("reference", "alone", "claims", "methods")]
    table = contrasts.table(given(tmp_path, contrasts__=rows))
    assert len(shown(table)) == 2 and shown(table)[0][:4] == ["ML V1", "Accuracy", "Ensemble", "1.0 [0, 2]"]
    assert table.notes == () and "nothing to compare" in contrasts.table(given(tmp_path, contrasts__=rows[2:])).notes[0]


def test_detection_joins_variants_and_networks_alone(tmp_path):
    data = Data({f"values:{PLACE}": [
        write(tmp_path / "a.csv", [value_row("ml_v1", "s1", "found_small", of="26", sizes="at most 90 px"), value_row("ml_v1", "s1", "false_regions", 3)]),
        write(tmp_path / "b.csv", [value_row("baseline_student", "baseline", "found_small", of="26")]),
    ]})  # fmt: skip
    table = detection.table(data)
    alone, variant = shown(table)
    assert alone[:3] == ["Student alone", "alone", "80.0 [79, 81]"] and alone[-1] == "–"
    assert variant[0] == "ML V1" and variant[-1] == "3.0"
    assert "small are 26 of at most 90 px" in table.sections[0].notes[0]
    assert table.stored()[1][0]["Small regions found of"] == "26"


def test_what_leakage_is_worth_stands_beside_both_scores(tmp_path):
    sides = {"first_mean": "80", "first_std": "1.5", "first_cases": "90", "first_groups": "30"}
    sides |= {"second_mean": "70.5", "second_std": "", "second_cases": "85", "second_groups": "9"}
    rest = {"estimate": "9.5", "low": "-1", "high": "20", "p": "0.01", "p_holm": "0.0004", "seeds": "3"}
    keys = [("kd_ml_v3", "ensemble"), ("baseline_student", "baseline"), ("kd_ml_v3", "s1")]
    rows = [{"run": run, "network": network, "metric": "accuracy"} | sides | rest for run, network in keys]
    files = {
        f"between_protocols:{PLACE}": [write(tmp_path / "a.csv", rows)],
        f"runs:{PLACE}": [write(tmp_path / "runs.csv", [run_row("kd_ml_v3")])],
    }
    table = between_protocols.table(Data(files))
    assert [line[:2] for line in shown(table)] == [
        ["Student alone", "alone"],
        ["KD + ML V3", "S1"],
        ["KD + ML V3", "Ensemble"],
    ]
    assert shown(table)[0][2:] == ["80.0 ± 1.5", "70.5", "9.5 [−1, 20]", "< 0.001"]
    (note,), title = table.sections[0].notes, table.sections[0].title
    assert "split" not in title and "small" in title
    assert note == "Accuracy; by image: 90 test images in 30 groups; by group: 85 test images in 9 groups; 3 seeds."


def confused(run, network, true, predicted, mean, share, seeds="1"):
    keys = {"run": run, "network": network, "true": true, "predicted": predicted}
    return keys | {"mean": mean, "std": "", "seeds": seeds, "remark": "", "share": share}


def clinic_of(folder, values=(), confusion=(), contrasts=(), **facts):
    described = run_row("ml_v1") | {"kind": "classification", "classes": "healthy;ill"} | facts
    values = values or [value_row("ml_v1", "s1", metric) for metric in ("sensitivity", "specificity")]
    confusion = confusion or [confused("x", "ensemble", "a", "a", 1, 100)]
    return clinic.table(
        given(
            folder,
            values__=values,
            confusion__=confusion,
            contrasts__=contrasts or [{"family": ""}],
            runs__=[described],
        )
    )


def test_decisions_of_every_network(tmp_path):
    values = [
        value_row(run, network, metric, 90 + place)
        for run, network in (("kd_ml_v3", "ensemble"), ("baseline_student", "baseline"), ("kd_ml_v3", "s1"))
        for place, metric in enumerate(("accuracy", "sensitivity", "specificity", "balanced_accuracy", "auc"))
    ]
    table = clinic_of(tmp_path, [*values, value_row("kd_ml_v3", "s1", "sensitivity", 1, truth="teacher")])
    assert table.sections[0].title.endswith(": decisions") and shown(table) == [
        [run, network, "91.0 [90, 92]", "92.0 [91, 93]", "93.0 [92, 94]", "94.0 [93, 95]"]
        for run, network in (("Student alone", "alone"), ("KD + ML V3", "S1"), ("KD + ML V3", "Ensemble"))
    ]
    columns, rows = table.stored()
    assert {"Sensitivity", "Sensitivity low", "Specificity high", "AUC", "About"} <= set(columns)
    assert (rows[0]["About"], rows[0]["Pair"], rows[0]["Sensitivity"]) == ("Decisions", "small", 91.0)


def gained(right, estimate, p_holm, left="kd_ml_v3"):
    keys = {"family": "referral", "left": left, "right": right, "network": "s1", "metric": "aurc_gain", "cases": "140"}
    return keys | {"estimate": estimate, "low": "-0.5", "high": "1.5", "p": "0.01", "p_holm": p_holm}


@pytest.mark.parametrize(
    ("estimates", "own", "short", "counts"),
    [
        ([("0.9", "0.01"), ("0.9", "0.02")], 0.4, "Yes", "in 2, less in 0, and 0 are undecided"),
        ([("0.9", "0.01"), ("0.9", "0.06")], 0.4, "In part", "in 1, less in 0, and 1 are undecided"),
        ([("0.9", "0.06"), ("-0.9", "")], 0.4, "Not shown", "in 0, less in 0, and 2 are undecided"),
        ([("-0.9", "0.01"), ("0.9", "nan")], 0.4, "No, rather harmful", "in 0, less in 1, and 1 are undecided"),
        ([("-0.9", "0.01"), ("0.9", "0.01")], 0.4, "That depends", "in 1, less in 1, and 0 are undecided"),
        ([("0.9", "0.01"), ("0.9", "0.02")], -0.4, clinic.NO_BETTER, "in 2, less in 0, and 0 are undecided"),
        ([("0.9", "0.01"), ("0.9", "0.06")], 0.05, clinic.NO_BETTER, "in 1, less in 0, and 1 are undecided"),
    ],
)
def test_whether_diversified_knowledge_is_useful_for_referral_is_answered(tmp_path, estimates, own, short, counts):
    rows = [gained(f"kd_ml_v{n}", *one) for n, one in enumerate(estimates, 1)]
    unknown = [gained("ml_v1", "nan", "", "ml_v3"), CONTRAST | {"family": "reference"}]
    gains = {"kd_ml_v3": own, "kd_ml_v1": -0.5, "kd_ml_v2": -0.6}
    values = [value_row(run, "s1", "aurc_gain", mean, low=mean - 0.1) for run, mean in gains.items()]
    table = clinic_of(
        tmp_path, [*values, value_row("kd_ml_v3", "ensemble", "aurc_gain", 9)], contrasts=[*rows, *unknown]
    )
    (section,) = (one for one in table.sections if one.title.endswith(": referral and diversified knowledge"))
    lines = [[cell.text for cell in line.cells] for line in section.blocks[0].lines]
    assert [line[:3] for line in lines] == [["KD + ML V3", "V1", "S1"], ["KD + ML V3", "V2", "S1"]]
    assert (
        lines[0][3].startswith(f"{own:.1f} [".replace("-", "−"))
        and lines[0][4].startswith("−0.5 [−0.6")
        and lines[0][6] == "0.010"
    )
    (note,) = section.notes
    assert f"when to ask a person? {short}: of 2 comparisons with V1 and V2" in note and counts in note
    assert f"the own uncertainty of {int(own > 0.1)} of 1 network (interval above 0)" in note


def test_masks_have_no_area_under_the_curve(tmp_path):
    section, _ = clinic_of(tmp_path, kind="segmentation", classes="lesion").sections
    titles = [column.title for column in section.blocks[0].columns]
    assert section.notes == ("Positive is lesion (pixels).",)
    assert titles == ["Variant", "Network", "Sensitivity [95 %]", "Specificity [95 %]"]


def test_probabilities_are_shown_by_their_scale(tmp_path):
    """A Brier score lies between 0 and 1, the calibration error is in percent."""
    values = [value_row("ml_v1", "s1", "brier", 0.1234, low=0.05, high=0.2), value_row("ml_v1", "s1", "ece", 12.34)]
    (section,) = (one for one in clinic_of(tmp_path, values).sections if one.title.endswith(": probabilities"))
    assert [cell.text for cell in section.blocks[0].lines[0].cells][2:] == ["0.123 [0.05, 0.20]", "12.3 [11, 13]"]


@pytest.mark.parametrize(("ending", "unit"), [("", "px"), ("_mm", "mm")])
def test_outlines_of_masks_are_in_pixels_or_millimetres_and_percent(ending, unit, tmp_path):
    values = [
        value_row("ml_v1", "s1", f"hd95{ending}", 12.345, low=8, high=19),
        value_row("ml_v1", "s1", f"nsd{ending}", 71.23, low=60, high=80),
    ]
    (section,) = (one for one in clinic_of(tmp_path, values).sections if one.title.endswith(": surfaces"))
    assert [column.title for column in section.blocks[0].columns][2:] == [
        f"HD95 ({unit}) [95 %]",
        f"NSD at 2 {unit} [95 %]",
    ]
    assert [cell.text for cell in section.blocks[0].lines[0].cells][2:] == ["12.3 [8, 19]", "71.2 [60, 80]"]


def test_a_temperature_has_no_interval(tmp_path):
    values = [value_row("ml_v1", "s1", "brier_scaled", 0.1), value_row("ml_v1", "s1", "temperature", 1.234)]
    (section,) = (one for one in clinic_of(tmp_path, values).sections if one.title.endswith(": probabilities"))
    assert [column.title for column in section.blocks[0].columns][3] == "Temperature"
    assert section.blocks[0].lines[0].cells[3].text == "1.23"


def test_a_temperature_at_a_limit_of_the_search_is_marked(tmp_path):
    values = [value_row("ml_v1", "s1", "brier_scaled", 0.1), value_row("ml_v1", "s1", "temperature", 0.0501)]
    (section,) = (one for one in clinic_of(tmp_path, values).sections if one.title.endswith(": probabilities"))
    assert section.blocks[0].lines[0].cells[3].text == "0.05 (limit)"


def of_teacher(folder, judged=(), flipped=(), second=(), scores=()):
    described = run_row("ml_v1") | {"kind": "classification", "classes": "healthy;ill"}
    rows = {"non_inferiority": (judged, non_inferiority.COLUMNS), "flips": (flipped, flips.COLUMNS)}
    rows |= {
        "second_student": (second, second_student.COLUMNS),
        "scores": (scores, ("run", "network")),
        "runs": ([described], ()),
    }
    files = {f"{label}:{PLACE}": [write(folder / f"{label}.csv", *one)] for label, one in rows.items()}
    return clinic_teacher.table(Data(files))


JUDGED = {
    "run": "kd_ml_v3", "network": "ensemble", "against": "baseline_teacher", "metric": "accuracy", "margin": "2.0", "estimate": "-1.23", "low": "-2.5", "high": "0.5",
    "verdict": "undecided", "power": "0.423", "detectable": "3.4", "seeds": "3", "cases": "140", "groups": "35",
}  # fmt: skip


def test_an_end_beside_the_margin_is_not_rounded_onto_it(tmp_path):
    judged = [JUDGED | {"low": "-1.96", "high": "22.4", "verdict": "good enough", "remark": non_inferiority.USELESS}]
    (section,) = of_teacher(tmp_path, judged).sections
    assert section.blocks[0].lines[0].cells[3].text == "−1.230 [−1.96, 22.40]"
    assert "no better than naming the most frequent class" in str(section)
    (equal,) = of_teacher(tmp_path, [JUDGED | {"estimate": "0", "low": "0", "high": "0"}]).sections
    assert equal.blocks[0].lines[0].cells[3].text == "0.0 [–]"


FLIPPED = {
    "run": "kd_ml_v3", "network": "ensemble", "against": "baseline_teacher", "attribute": "", "subgroup": "", "cases": "140", "groups": "35",
    "seeds": "3", "flips": "5.55", "low": "2.2", "high": "9.9", "gains": "4.44", "level": "0.95", "subgroups": "2", "left_out": "1", "worst": "0",
}  # fmt: skip


@pytest.mark.parametrize("nothing", ["", "nan"])
def test_students_that_could_not_be_compared_are_left_out(nothing, tmp_path):
    lost = dict.fromkeys(JUDGED, "") | {
        "run": "ml_v1",
        "network": "s1",
        "against": "baseline_teacher",
        "metric": "accuracy",
        "estimate": nothing,
        "seeds": "0",
    }
    table = of_teacher(tmp_path, [lost, JUDGED])
    assert [line.cells[0].text for line in table.sections[0].blocks[0].lines] == ["KD + ML V3"]
    assert of_teacher(tmp_path, [lost]).sections == ()


def test_students_are_judged_with_their_margin_and_what_could_be_shown(tmp_path):
    never = JUDGED | {"network": "s1", "detectable": "inf", "power": ""}
    table = of_teacher(
        tmp_path, [JUDGED, never, JUDGED | {"against": "teacher"}, JUDGED | {"run": "x", "estimate": ""}]
    )
    assert table.sections[0].title.endswith(": good enough")
    assert table.sections[0].notes == ("Accuracy, margin 2; 140 cases in 35 groups, 3 seeds.",)
    assert shown(table) == [
        ["KD + ML V3", "S1", "Teacher alone", "−1.2 [−2.5, 0.5]", "undecided", "–", "over 100"],
        ["KD + ML V3", "Ensemble", "Teacher alone", "−1.2 [−2.5, 0.5]", "undecided", "42", "3.4"],
        ["KD + ML V3", "Ensemble", "Own teacher", "−1.2 [−2.5, 0.5]", "undecided", "42", "3.4"],
    ]


def test_flips_stand_beside_the_worst_subgroup_and_say_what_was_left_out(tmp_path):
    back = FLIPPED | {
        "attribute": "site",
        "subgroup": "back",
        "flips": "9.1",
        "worst": "1",
        "cases": "24",
        "groups": "7",
    }
    face = FLIPPED | {"attribute": "site", "subgroup": "face", "cases": "12"}
    alone = FLIPPED | {"against": "teacher", "subgroups": "0"}
    table = of_teacher(tmp_path, flipped=[FLIPPED, back, face, alone, FLIPPED | {"network": "s1"}])
    lines = shown(table)
    assert [line[2] for line in lines] == ["Teacher alone", "Own teacher"]
    assert (
        lines[0][5] == "site: back"
        and lines[0][6].startswith("9.1 [")
        and lines[0][7:] == ["24", "7"]
        and lines[1][5:] == ["–"] * 4
    )
    (note,) = table.sections[0].notes
    assert (
        note
        == "140 cases in 35 groups, 3 seeds. 2 subgroups by site; the smallest has 12 cases. Too small and left out: 1."
    )
    (note,) = of_teacher(tmp_path, flipped=[FLIPPED | {"left_out": "0"}]).sections[0].notes
    assert note.endswith("No subgroup has enough cases.")


def test_one_student_stands_beside_two_with_both_their_costs(tmp_path):
    second = {
        "run": "kd_ml_v3", "single": "s2", "students": "2", "validation": "81.54", "metric": "accuracy", "single_mean": "80", "ensemble_mean": "82",
        "gained": "2", "low": "1", "high": "3", "seeds": "3", "cases": "140", "ensemble": "ensemble",
    }  # fmt: skip
    costs = [
        {"run": "kd_ml_v3", "network": name, "parameters": 250000 * n, "macs": 2e7 * n, "latency_ms": 1.5 * n}
        for name, n in (("s2", 1), ("ensemble", 2))
    ]
    table = of_teacher(tmp_path, second=[second], scores=costs)
    assert shown(table) == [
        ["KD + ML V3", "S2", "80.0", "82.0", "2.0 [1, 3]", "0.25 → 0.50", "0.020 → 0.040", "1.5 → 3.0"]
    ]
    assert table.sections[0].notes == ("Accuracy. Of these students validation chooses S2 of KD + ML V3 (81.5 there).",)
    _, rows = table.stored()
    assert rows[0]["Parameters (M)"] == 0.25 and rows[0]["Parameters (M) ensemble"] == 0.5


@pytest.mark.parametrize(("ensemble", "title"), [("sources", "Ensemble of its sources"), ("ensemble", "Ensemble")])
def test_a_third_student_stands_beside_the_two_that_teach_it_with_all_costs(tmp_path, ensemble, title):
    second = {
        "run": "mine", "single": "s2", "students": "2", "ensemble": ensemble, "validation": "81.54", "metric": "accuracy", "single_mean": "80",
        "ensemble_mean": "82", "gained": "2", "low": "1", "high": "3", "third": "s3", "third_mean": "81", "over_single": "1",
        "over_single_low": "0.5", "over_single_high": "1.5", "over_ensemble": "-1", "over_ensemble_low": "-2", "over_ensemble_high": "0.5",
        "seeds": "3", "cases": "140",
    }  # fmt: skip
    costs = [
        {"run": "mine", "network": name, "parameters": 250000 * n, "macs": 2e7 * n, "latency_ms": 1.5 * n}
        for name, n in (("s2", 1), ("s3", 1), (ensemble, 2))
    ]
    usual, third = of_teacher(tmp_path, second=[second], scores=costs).sections
    assert usual.title.endswith(": one student or two") and third.title.endswith(": a third student")
    assert [[cell.text for cell in line.cells][1:] for line in third.blocks[0].lines] == [
        ["S2", "80.0", "–", "–", "0.25", "0.020", "1.5"],
        [title, "82.0", "2.0 [1, 3]", "–", "0.50", "0.040", "3.0"],
        ["S3 (third)", "81.0", "1.0 [0.5, 1.5]", "−1.0 [−2.0, 0.5]", "0.25", "0.020", "1.5"],
    ]
    (note,) = third.notes
    assert note.startswith("Accuracy; 140 cases, 3 seeds.") and ("that of all students" in note) == (
        ensemble == "ensemble"
    )


def test_decisions_say_what_is_positive(tmp_path):
    notes = {classes: clinic_of(tmp_path, classes=classes).sections[0].notes for classes in ("healthy;ill", "a;b;c")}
    assert notes == {"healthy;ill": ("Positive is ill.",), "a;b;c": ("Means over 3 classes, each against the rest.",)}


def test_confusion_shows_the_proposed_variant_beside_networks_alone(tmp_path):
    runs = (
        ("kd_ml_v3", "s1", "3"),
        ("kd_ml_v3", "ensemble", "3"),
        ("ml_v1", "ensemble", "3"),
        ("baseline_teacher", "baseline", "1"),
    )
    cells = (("a", "a", 1230, 75), ("a", "b", 410, 25), ("b", "a", 0, 0), ("b", "b", 2, 100))
    confusion = [confused(run, network, *cell, seeds=seeds) for run, network, seeds in runs for cell in cells]
    last = clinic_of(tmp_path, confusion=confusion).sections[-1]
    assert [column.title for column in last.blocks[0].columns] == [
        "Variant",
        "Network",
        "True class",
        "named a (%)",
        "named b (%)",
    ]
    lines = [[cell.text for cell in line.cells] for line in last.blocks[0].lines]
    assert lines[:2] == [
        ["Teacher alone", "alone", "a", "1,230 (75.0)", "410 (25.0)"],
        ["Teacher alone", "alone", "b", "0 (0.0)", "2 (100.0)"],
    ]
    assert lines[2] == ["KD + ML V3", "S1", "a", "1,230.0 (75.0)", "410.0 (25.0)"] and len(lines) == 6


def test_confusion_shows_every_ensemble_where_the_proposed_variant_was_not_run(tmp_path):
    confusion = [
        confused(run, network, "a", "a", 1, 100) for run in ("ml_v1", "mine") for network in ("s1", "ensemble")
    ]
    last = clinic_of(tmp_path, confusion=confusion).sections[-1]
    assert [[cell.text for cell in line.cells[:2]] for line in last.blocks[0].lines] == [
        ["ML V1", "Ensemble"],
        ["mine", "Ensemble"],
    ]


def test_other_tables(tmp_path):
    layers = [{"part": "stem", "output": "32×32", "Big": "3×3, 16", "tiny net": "3×3, 8"}]
    table = architecture.table(given(tmp_path, layers=layers))
    assert [column.title for column in table.sections[0].blocks[0].columns] == ["Part", "Output", "Big", "tiny net"]
    cka = [
        {
            "run": "ml_v1",
            "first": "teacher",
            "second": "s1",
            "mean": "0.5",
            "std": "nan",
            "seeds": "1",
            "remark": "",
            "code_hash": "a b",
        }
    ]
    assert shown(similarity.table(given(tmp_path, similarity__=cka)))[0] == [
        "ML V1",
        "T – S1",
        "0.500",
        "–",
        "1",
        similarity.MIXED,
    ]
    weights = dict.fromkeys(("alpha", "alpha_prime", "beta", "beta_prime", "gamma", "gamma_prime"), "0.25")
    best = {
        "task": "polyps",
        "dataset": "",
        "pair": "p",
        "technique": "ml",
        "strategy": "v1",
        "score": "80",
        "papers_score": "",
        "papers_rank": "",
        "of": "9",
    }
    assert shown(grid_search.table(given(tmp_path, settings=[best | weights])))[0][:4] == [
        "polyps",
        "p",
        "ML V1",
        "0.25",
    ]


COMPARED = {"table": "12", "protocol": "paper", "task": "lgg", "pair": "small", "run": "kd_off_v1", "network": "s1", "metric": "iou",
            "paper_mean": "81.97", "paper_std": "1.681", "mean": "70.833", "std": "nan", "low": "57", "high": "83", "seeds": "1",
            "cases": "48", "difference": "-11.1", "difference_low": "-25", "difference_high": "2", "interval": "one run",
            "departures": "batch 4 (8)", "remark": ""}  # fmt: skip
NOT_RUN = dict.fromkeys(("mean", "std", "low", "high", "difference", "difference_low", "difference_high", "cases"), "")


def compared(folder, *rows):
    """The table of the comparison, of rows that differ from `COMPARED`."""
    data = given(folder, comparison=[COMPARED | row for row in rows])
    data.files[f"runs:{PLACE}"] = [write(folder / "runs.csv", [run_row("kd_off_v1")])]
    return comparison.table(data)


def test_the_comparison_has_a_section_for_each_table_and_task(tmp_path):
    table = compared(tmp_path, {"metric": "f_score"}, {}, {"table": "3", "task": "hcd", "metric": "accuracy"})
    titles = [section.title for section in table.sections]
    assert titles == [
        "Table 3 of the paper: Metastasis classification (HCD), pair “small”, split by image",
        "Table 12 of the paper: lgg, pair “small”, split by image",
    ]
    assert shown(table)[0][3:7] == ["81.97 ± 1.681", "70.8 [57, 83]", "1", "−11.1 [−25, 2]"]
    assert [row["Table"] for row in table.stored()[1]] == ["3", "12", "12"]


def test_what_was_not_run_is_stored_and_not_shown(tmp_path):
    table = compared(tmp_path, {}, NOT_RUN | {"protocol": "", "pair": "", "table": "8", "seeds": "0"})
    assert [section.stored_only for section in table.sections] == [False, True]
    assert len(table.stored()[1]) == 2 and "1 of the paper's 2 numbers, of tables 8, were not run" in table.notes[0]


def test_a_number_of_the_paper_that_cannot_be_is_marked_as_printed(tmp_path):
    table = compared(tmp_path, {}, {"metric": "f_score", "paper_mean": "80.57", "paper_std": "1.697"})
    assert [row[3] for row in shown(table)] == ["81.97 ± 1.681", "80.57 ± 1.697†"] and "As printed" in table.notes[0]


def test_networks_trained_alone_belong_to_no_pair(tmp_path):
    alone = {"table": "2", "run": "resnet50", "network": "baseline", "pair": "teacher_small"}
    assert compared(tmp_path, alone).sections[0].title == "Table 2 of the paper: lgg, split by image"


def test_functions_are_found_by_name():
    assert drawn_by("plain_tables.costs:table") is costs.table
    for name in ("plain_tables.nothing:table", "plain_tables.costs:nothing", "plain_tables.costs"):
        with pytest.raises(UserError, match=r"kdml\.reporting has no plain_tables\."):
            drawn_by(name)


def run_table(root, folder, data):
    command = [
        sys.executable,
        root / "src/table.py",
        "--draws",
        "plain_tables.costs:table",
        "--title",
        "T",
        "--caption=",
        "--data",
        *data,
    ]
    outputs = [folder / f"t.{suffix}" for suffix in ("csv", "md", "tex", "html")]
    return subprocess.run([*command, "--table", *outputs], capture_output=True, text=True, check=False)


def test_script_writes_all_forms(root, tmp_path):
    sources = {"costs": COSTS, "scores": [score("ml_v1", "s1", "student", "1")]}
    files = [f"{kind}:{PLACE}={write(tmp_path / 'in' / f'{kind}.csv', rows)}" for kind, rows in sources.items()]
    done = run_table(root, tmp_path, files)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 5
    assert 'class="sortable"' in (tmp_path / "t.html").read_text() and "http" not in (tmp_path / "t.html").read_text()


def test_missing_source_ends_with_a_message(root, tmp_path):
    done = run_table(root, tmp_path, [f"costs:{PLACE}=nowhere.csv"])
    assert done.returncode == 2 and "nowhere.csv does not exist" in done.stderr and not list(tmp_path.iterdir())
    (tmp_path / "costs.csv").write_text("network\nteacher\n")
    done = run_table(root, tmp_path, [f"costs:{PLACE}={tmp_path / 'costs.csv'}"])
    assert done.returncode == 2 and f"No file was given for 'scores:{PLACE}'" in done.stderr
