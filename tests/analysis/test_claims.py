"""The paper's claims: complete, decided by their rules alone, also for the paper's own numbers."""

import csv
import math
import subprocess
import sys

import pytest

from kdml.analysis import claims
from kdml.analysis.claims import Answer, Claim, Finding, Verdict
from kdml.analysis.contrasts import runs_in
from kdml.analysis.statistics import Interval
from kdml.common.errors import UserError
from kdml.common.files import write_csv
from kdml.paper import numbers
from kdml.runs.graph import VARIANTS
from kdml.runs.run_table import COLUMNS

UNKNOWN = math.nan


@pytest.fixture(scope="module")
def read(root):
    return claims.read_claims(root / "workflow/resources/paper/claims.yaml")


def claim(rule="all_above", contrasts=(("a", "b"),), **keys):
    fixed = {
        "number": 1,
        "title": "x",
        "claim": "x",
        "where": ["hcd/resnet18"],
        "measure": "performance",
        "networks": ["ensemble"],
    }
    return Claim.model_validate(fixed | {"rule": rule, "contrasts": list(contrasts)} | keys)


def test_all_eleven_claims_stand_there_and_name_what_exists(read):
    assert [one.number for one in read.claims] == list(range(1, 12))
    assert all(len(one.title) <= 45 for one in read.claims)  # a figure has one line for it
    methods = {method for _, method, _ in numbers.methods()}
    for one in read.claims:
        assert {tuple(place.split("/")) for place in one.where} <= set(numbers.TABLES)
        named = {name for place in one.where for pair in one.pairs_at(place) for side in pair for name in runs_in(side)}
        assert named <= set(VARIANTS) | methods, one.number


def test_families_are_the_declared_ones(read):
    by_number = {one.number: one for one in read.claims}
    assert len(by_number[3].contrasts) == 11 and all(left == "kd_ml_v3" for left, _ in by_number[3].contrasts)
    assert all(len(pairs) == 7 for pairs in by_number[7].contrasts_at.values())
    assert {right for _, right in by_number[7].contrasts_at["lgg/resnet18"]} == {
        method for task, method, _ in numbers.methods() if task == "lgg" and method not in VARIANTS
    }


def heads_in(folder):
    """Arguments of the script for the counts of two readings."""
    counts = [("hcd/resnet18", "paper", "linear", 0, 1000, 854), ("hcd/mobilenet", "paper", "linear", 0, 1000, 247)]
    counts += [("hcd/resnet18", "paper", "paper", 1, 1000, 954), ("hcd/mobilenet", "paper", "paper", 1, 1000, 353)]
    columns = ("place", "teacher_head", "students_head", "block", "teacher", "students")
    write_csv(folder / "heads.csv", [dict(zip(columns, row, strict=True)) for row in counts])
    written = ["--readings", folder / "readings.csv", "--design", folder / "design.csv"]
    return ["--heads", folder / "heads.csv", *written]


ANSWERS = [
    # estimate, low, high, adjusted p, at_least, answer
    (3.0, 1.0, 5.0, 0.01, 0.0, Answer.YES),
    (3.0, 1.0, 5.0, 0.20, 0.0, Answer.OPEN),
    (-3.0, -5.0, -1.0, 0.01, 0.0, Answer.NO),
    (-3.0, -5.0, -1.0, 0.20, 0.0, Answer.OPEN),
    (0.2, 0.1, 0.3, 0.01, 1.5, Answer.NO),
    (2.0, 1.0, 3.0, 0.01, 1.5, Answer.YES),
    (1.2, 0.5, 2.0, 0.01, 1.5, Answer.OPEN),
    (2.0, UNKNOWN, UNKNOWN, UNKNOWN, 0.0, Answer.OPEN),
    (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0.0, Answer.UNDEFINED),
    (0.0, 0.0, 0.0, 1.0, 0.0, Answer.SAME),
    (0.0, -1.0, 1.0, 1.0, 0.0, Answer.OPEN),
]


@pytest.mark.parametrize(("estimate", "low", "high", "p", "at_least", "expected"), ANSWERS)
def test_answers(estimate, low, high, p, at_least, expected):
    asked = claim(at_least=at_least)
    assert claims.answer(asked, 0.05, "hcd/resnet18", Interval(estimate, low, high, p), p) is expected


def test_undefined_is_told_from_not_run():
    asked = claim(contrasts=[("a", "b"), ("a", "c")])
    ours = {("ensemble", "a", "b"): Finding(claims.UNDEFINED, 3, 9, "undefined: ...")}
    rows = claims.rows_of(asked, 0.05, "hcd/resnet18", ours, "classification")
    assert [row["answer"] for row in rows] == [Answer.UNDEFINED, Answer.NOT_RUN]
    assert claims.verdict(asked, [Answer.YES, Answer.UNDEFINED]) is Verdict.UNDECIDED
    assert claims.verdict(asked, [Answer.UNDEFINED]) is Verdict.NOTHING


def test_the_rule_in_words_is_the_rule_that_decides(read):
    """Each number of a rule is named, and nothing of rules that do not apply."""
    by_number = {one.number: one.in_words(read.level) for one in read.claims}
    assert "p < 0.05" in by_number[1] and "at least" not in by_number[1] and "bootstrap" in by_number[1]
    assert "at least 1.5" in by_number[4] and "interval that lies below 1.5" in by_number[4]
    assert "Student's t over seeds." in by_number[8] and "bootstrap" not in by_number[8]
    assert (
        "holds if any is no" in by_number[9]
        and "within 2 of the paper's" in by_number[10]
        and "p <" not in by_number[10]
    )
    assert "p < 0.01" in claim().in_words(0.01)


def test_the_same_elsewhere_is_claims_1_to_3(read):
    by_number = {one.number: set(one.contrasts) for one in read.claims}
    assert by_number[6] == by_number[1] | by_number[2] | by_number[3]


def test_verdicts():
    yes, no, unsure, missing = Answer.YES, Answer.NO, Answer.OPEN, Answer.NOT_RUN
    above, inconsistent = claim(), claim("not_all_above")
    assert claims.verdict(above, [yes, yes]) is Verdict.HOLDS
    assert claims.verdict(above, [yes, no, unsure]) is Verdict.FAILS
    assert claims.verdict(above, [yes, unsure]) is claims.verdict(above, [yes, missing]) is Verdict.UNDECIDED
    assert claims.verdict(above, [missing]) is Verdict.NOTHING
    assert claims.verdict(inconsistent, [yes, no]) is Verdict.HOLDS
    assert claims.verdict(inconsistent, [yes, yes]) is Verdict.FAILS
    near = claim("near", (), measure="compression", expected={"hcd/resnet18": 15}, tolerance=1)
    assert claims.answer(near, 0.05, "hcd/resnet18", Interval(15.8, UNKNOWN, UNKNOWN, UNKNOWN), UNKNOWN) is yes
    assert claims.answer(near, 0.05, "hcd/resnet18", Interval(17, UNKNOWN, UNKNOWN, UNKNOWN), UNKNOWN) is no
    assert claims.verdict(near, [yes, missing]) is Verdict.UNDECIDED
    assert claims.verdict(near, [no, missing]) is Verdict.FAILS


def test_a_network_compared_with_itself_counts_nowhere():
    """Not in the family that p is adjusted in, and not for or against the claim."""
    asked = claim(contrasts=[("a", "b"), ("a", "c"), ("a", "d")])
    ours = {("ensemble", "a", other): Finding(Interval(1, 0.5, 1.5, 0.02), 3, 9) for other in "bc"}
    ours["ensemble", "a", "d"] = Finding(Interval(0.0, 0.0, 0.0, 1.0), 3, 9)
    rows = claims.rows_of(asked, 0.05, "hcd/resnet18", ours, "classification")
    assert [row["p_holm"] for row in rows] == pytest.approx([0.04, 0.04, UNKNOWN], nan_ok=True)
    answers = [row["answer"] for row in rows]
    assert answers == [Answer.YES, Answer.YES, Answer.SAME]
    assert claims.verdict(asked, answers) is Verdict.HOLDS
    assert claims.verdict(asked, [Answer.SAME, Answer.OPEN]) is Verdict.UNDECIDED
    assert claims.verdict(asked, [Answer.SAME]) is Verdict.NOTHING


def test_holm_is_applied_within_the_claim():
    asked = claim(contrasts=[("a", "b"), ("a", "c")])
    ours = {("ensemble", "a", other): Finding(Interval(1, 0.5, 1.5, 0.03), 1, 9) for other in "bc"}
    rows = claims.rows_of(asked, 0.05, "hcd/resnet18", ours, "classification")
    assert [row["p_holm"] for row in rows] == pytest.approx([0.06, 0.06]) and {row["answer"] for row in rows} == {
        Answer.OPEN
    }
    alone = claims.rows_of(claim(), 0.05, "hcd/resnet18", ours, "classification")
    assert alone[0]["answer"] is Answer.YES


def test_the_papers_own_numbers_are_judged_by_the_same_rule(read):
    best = next(one for one in read.claims if one.number == 3)
    rows = claims.rows_of(best, read.level, "hcd/resnet18", {}, "classification")
    against_v2 = next(row for row in rows if row["right"] == "kd_ml_v2")
    assert against_v2["paper_estimate"] == pytest.approx(96.68 - 96.15) and 0.2 < against_v2["paper_p"] < 0.3
    assert claims.verdict(best, [row["paper_answer"] for row in rows]) is Verdict.UNDECIDED
    assert {row["answer"] for row in rows} == {Answer.NOT_RUN}
    similarity = next(one for one in read.claims if one.number == 8)
    rows = claims.rows_of(similarity, read.level, "hcd/resnet18", {}, "classification")
    assert {row["paper_answer"] for row in rows} == {Answer.NOT_GIVEN}


def test_claim_4_is_one_contrast_with_the_mean_of_three(read):
    """The paper says an average: by its own means and SDs +1.96 [0.77, 3.16], which is significant and reaches about 2."""
    four = next(one for one in read.claims if one.number == 4)
    (row,) = claims.rows_of(four, read.level, "hcd/resnet18", {}, "classification")
    assert (row["left"], row["right"].split()) == ("kd_ml_v3", ["ml_v1", "kd_off_v1", "kd_on_v1"])
    found = [round(row[f"paper_{name}"], 2) for name in ("estimate", "low", "high")]
    assert found == [1.96, 0.77, 3.16] and row["paper_answer"] is Answer.YES and row["answer"] is Answer.NOT_RUN
    assert [one.right for one in claims.contrasts_at(read, "hcd/resnet18", "classification")].count(row["right"]) == 1


def test_a_mean_of_runs_that_the_paper_has_in_part_only_is_not_judged():
    asked = claim(contrasts=[("kd_ml_v3", ["ml_v1", "own"])])
    (row,) = claims.rows_of(asked, 0.05, "hcd/resnet18", {}, "classification")
    assert row["paper_answer"] is Answer.NOT_GIVEN and row["right"] == "ml_v1 own"
    with pytest.raises(ValueError, match="a mean of runs has no similarity: ml_v1 ml_v2"):
        claim(contrasts=[("kd_ml_v3", ["ml_v1", "ml_v2"])], measure="similarity")


def test_methods_are_judged_from_table_10(read):
    against = next(one for one in read.claims if one.number == 7)
    rows = claims.rows_of(against, read.level, "lgg/resnet18", {}, "segmentation")
    ifvd = next(row for row in rows if row["right"] == "ifvd")
    theirs = numbers.methods()["lgg", "ifvd", "iou"]
    assert ifvd["paper_estimate"] == pytest.approx(80.12 - theirs[0])


@pytest.mark.parametrize(
    "text",
    [
        "claims: [{number: 1}]",
        "claims: [",
        "claims: [{number: 1, title: x, claim: x, where: [a/b], measure: performance, networks: [], rule: near}]",
    ],
)
def test_a_bad_list_of_claims_is_named(tmp_path, text):
    (tmp_path / "claims.yaml").write_text(text)
    with pytest.raises(UserError, match=r"claims\.yaml(, line 1)? is not (a valid list|valid YAML)"):
        claims.read_claims(tmp_path / "claims.yaml")


@pytest.mark.parametrize(("measure", "rule"), [("compression", "near"), ("performance", "all_above")])
def test_networks_that_stand_in_are_not_compared_by_their_own_size(measure, rule):
    """A claim about the paper's networks themselves cannot be decided with others; one about how they are taught can."""
    of_networks = rule == "near"
    asked = claim(rule, () if of_networks else [("a", "b")], measure=measure, expected={"hcd/resnet18": 15})
    key = ("ensemble", "", "") if of_networks else ("ensemble", "a", "b")
    ours = {key: Finding(Interval(-52, -60, -40, 0.001), 1, 9)}
    own, other, nothing = (
        claims.rows_of(asked, 0.05, "hcd/resnet18", found, "classification", of_paper)[0]["answer"]
        for found, of_paper in ((ours, True), (ours, False), ({}, False))
    )
    assert (own, other, nothing) == (Answer.NO, Answer.OTHER if of_networks else Answer.NO, Answer.NOT_RUN)
    expected = Verdict.OTHER if of_networks else Verdict.FAILS
    assert claims.verdict(asked, [other, nothing]) is expected
    near = claim("near", (), expected={"hcd/resnet18": 15})
    assert claims.verdict(near, [Answer.OTHER, Answer.YES]) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("network", "title"), [("resnet50", "15 is within 2"), ("big", "stands for it"), ("own", "is like none")]
)
def test_script_judges_parameters_of_the_papers_own_networks_alone(root, tmp_path, network, title):
    (tmp_path / "costs.csv").write_text("network,students,parameters,saved\nteacher,0,200,0\nensemble,2,170,15\n")
    like = "" if network == "own" else "resnet50"
    facts = {"protocol": "paper", "task": "hcd", "pair": "p", "kind": "classification", "classes": "a;b", "seed": 0}
    facts |= {
        "student_network": "resnet18",
        "student_stands_for": "resnet18",
        "teacher_network": network,
        "teacher_stands_for": like,
    }
    write_csv(tmp_path / "runs.csv", [facts], COLUMNS)
    command = [sys.executable, root / "src/claims.py", "--claims", root / "workflow/resources/paper/claims.yaml"]
    command += heads_in(tmp_path)
    command += ["--runs", "paper/hcd/p=runs.csv", "--costs", "paper/hcd/p=costs.csv"]
    subprocess.run([*command, "--protocols", "paper", "--out", "claims.csv"], cwd=tmp_path, check=True)
    with open(tmp_path / "claims.csv", newline="") as file:
        ten = next(row for row in csv.DictReader(file) if row["claim"] == "10")
    expected = ("yes", "undecided") if network == "resnet50" else ("not comparable", "not comparable (other networks)")
    assert (ten["answer"], ten["verdict"]) == expected, title


def test_script_names_what_was_not_run(root, tmp_path):
    (tmp_path / "contrasts.csv").write_text(
        "family,left,right,network,truth,metric,estimate,low,high,p,p_holm,seeds,cases,groups,by_seed,cases_error,remark\n"
        "claims,ml_v3,ml_v1,ensemble,label,accuracy,2.0,1.0,3.0,0.001,,1,50,50,2.0,0.5,one seed\n"
    )
    (tmp_path / "upper.csv").write_text(
        "run,seed,first,second,upper_mean\nkd_ml_v3,0,teacher,s1,0.8\nkd_ml_v1,0,teacher,s1,0.7\n"
    )
    (tmp_path / "costs.csv").write_text(
        "network,students,parameters,saved\nteacher,0,200,0\nensemble,2,170,15\nensemble,3,255,-27.5\n"
    )
    facts = {"protocol": "paper", "task": "hcd", "pair": "small", "kind": "classification", "classes": "a;b", "seed": 0}
    networks = {"student_network": "resnet18", "teacher_network": "resnet50"}
    stands_for = {name.replace("network", "stands_for"): network for name, network in networks.items()}
    write_csv(tmp_path / "runs.csv", [facts | networks | stands_for], COLUMNS)
    files = {"runs": "runs.csv", "contrasts": "contrasts.csv", "similarity": "upper.csv", "costs": "costs.csv"}
    command = [sys.executable, root / "src/claims.py", "--claims", root / "workflow/resources/paper/claims.yaml"]
    command += heads_in(tmp_path)
    for name, path in files.items():
        command += [f"--{name}", f"paper/hcd/small={path}"]
    command += ["--protocols", "paper", "--out", "claims.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "claims.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    with open(tmp_path / "design.csv", newline="") as file:
        ours, *theirs = csv.DictReader(file)
    assert (ours["place"], ours["cases"], ours["scatter"], ours["cases_error"]) == ("hcd/resnet18", "50", "nan", "0.5")
    assert float(ours["power"]) > 0.9 and [row["table"] for row in theirs] == ["4", "8", "9", "14", "15"]
    first = [row for row in rows if row["claim"] == "1"]
    assert (
        first[0]["answer"] == "yes"
        and {row["answer"] for row in first[1:]} == {"not run"}
        and first[0]["verdict"] == "undecided"
    )
    assert all("not run" in row["remark"] for row in first[1:])
    ten = [row for row in rows if row["claim"] == "10"]
    assert [(row["place"], row["answer"]) for row in ten] == [("hcd/resnet18", "yes"), ("hcd/mobilenet", "not run")]
    eight = next(
        row for row in rows if row["claim"] == "8" and row["right"] == "kd_ml_v1" and row["network"] == "teacher-s1"
    )
    assert float(eight["estimate"]) == pytest.approx(10) and eight["answer"] == "open" and "one seed" in eight["remark"]


def test_an_experiment_without_variants_has_all_claims_not_run(root, tmp_path):
    command = [sys.executable, root / "src/claims.py", "--claims", root / "workflow/resources/paper/claims.yaml"]
    command += heads_in(tmp_path)
    command += ["--runs", "--protocols", "paper", "grouped", "--out", tmp_path / "claims.csv"]
    subprocess.run(command, check=True)
    with open(tmp_path / "claims.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["protocol"], row["claim"]) for row in rows}) == 22
    assert {row["answer"] for row in rows} == {"not run"} and {row["verdict"] for row in rows} == {"without numbers"}


def test_claim_10_is_decided_under_every_reading(root, tmp_path, read):
    """15 % and 63 % follow from the paper's rounded counts, and under no one reading of the networks together."""
    command = [sys.executable, root / "src/claims.py", "--claims", root / "workflow/resources/paper/claims.yaml"]
    command += [*heads_in(tmp_path), "--runs", "--protocols", "paper", "--out", tmp_path / "claims.csv"]
    subprocess.run(command, check=True)
    with open(tmp_path / "readings.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["teacher_head"], row["students_head"], row["place"]): row for row in rows}
    assert {row["claim"] for row in rows} == {"10"} and len(rows) == 6
    quoted = [found["quoted", "quoted", place] for place in ("hcd/resnet18", "hcd/mobilenet")]
    assert [round(float(row["saved"]), 1) for row in quoted] == [15.4, 63.1]
    assert {row["verdict"] for row in quoted} == {"holds"}
    mixed = [found["paper", "linear", place] for place in ("hcd/resnet18", "hcd/mobilenet")]
    assert [row["answer"] for row in mixed] == ["yes", "no"] and {row["verdict"] for row in mixed} == {"does not hold"}
    assert found["paper", "paper", "hcd/resnet18"]["answer"] == "no"
    with pytest.raises(ValueError, match="`quoted` needs a number for the teacher"):
        claim("near", (), measure="compression", expected={"hcd/resnet18": 15}, quoted={"teacher": 26})
