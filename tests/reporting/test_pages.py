"""The page that is opened first, and the page of claims: rows for every run, links that lead somewhere, verdicts."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from fabricated import record_of
from PIL import Image
from place_files import claim_row, run_row, value_row, write
from small import settings_of

from kdml.analysis.claims import Verdict
from kdml.common.errors import UserError
from kdml.experiment.items import CATEGORIES
from kdml.reporting import claims_page, design, index_page
from kdml.runs.graph import single

RECORD = record_of(settings_of(single("s1"))) | {
    "images": {"test": 9}, "deterministic": True, "packages": {"torch": "2"}, "epochs": 3, "seconds": 60.0, "images_per_second": 100.0,
}  # fmt: skip


def metric_row(folder, run="ml_v1", network="s1", pair="small", metric="accuracy", truth="label", value="81.25"):
    return {
        "protocol": "paper", "task": "hcd", "pair": pair, "run": run, "seed": "0", "network": network, "truth": truth, "metric": metric,
        "value": value, "folder": str(folder),
    }  # fmt: skip


@pytest.fixture
def experiment(tmp_path):
    """Two trainings, one of them of two pairs, with values of their places; in a folder with awkward signs."""
    results = tmp_path / "my #1 results" / "demo"
    places = results / "paper" / "hcd"
    variant, alone = places / "small" / "ml_v1" / "seed-0", places / "big" / "baseline" / "seed-0"
    for folder in (variant, alone):
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(
            json.dumps(RECORD | {"packages": {"torch": "2" if folder == variant else "3"}})
        )
        for name in index_page.FILES[1:]:
            (folder / name).touch()
    for pair in ("small", "other"):
        write(places / pair / "alone" / "values.csv", [value_row("baseline_teacher", "baseline")])
    write(places / "small" / "variants" / "values.csv", [value_row("ml_v1", "s1")])
    rows = [metric_row(variant, network=network) for network in ("ensemble", "s1")]
    rows += [
        metric_row(variant, network="s1", truth="teacher", value="12"),
        metric_row(variant, metric="recall", value="13"),
    ]
    rows += [metric_row(alone, "baseline_teacher", "baseline", pair) for pair in ("small", "other")]
    write(results / "metrics.csv", rows)
    write(results / "paper/hcd/small/runs.csv", [run_row("ml_v1")])
    write(
        results / "leakage.csv",
        [{"task": "hcd", "protocol": "paper", "test_images": "9", "test_with_group_in_train": ""}],
    )
    (results / "leakage.md").touch()
    return results


def page_of(words="<p>words</p>"):
    return f"<html><!-- content --><h1>Heading</h1>{words}<h2>Part</h2><!-- /content --></html>"


READINGS = [
    {"claim": "1", "teacher_head": head, "students_head": students, "block": block, "place": place, "teacher": "26185154",
     "students": "22374276", "saved": "14.55", "expected": "15", "answer": answer, "verdict": "does not hold"}
    for head, students, block in (("quoted", "quoted", ""), ("paper", "linear", "0"))
    for place, answer in (("hcd/resnet18", "yes"), ("hcd/mobilenet", "no"))
]  # fmt: skip
OF_RUN = {"protocol": "paper", "pair": "small", "cases": "140", "groups": "140", "seeds": "3", "scatter": "1.5", "cases_error": "0.5",
          "power": "0.22", "power_adjusted": "0.04", "detectable": "4.1"}  # fmt: skip
OF_PAPER = {"metric": "accuracy", "points": "2.0", "tests": "11", "paper_sd": "0.5", "paper_power": "0.97",
            "paper_power_adjusted": "0.6", "paper_teachers_low": "94.1", "paper_teachers_high": "95.4"}  # fmt: skip
DESIGN = [
    OF_PAPER | OF_RUN | {"place": "hcd/resnet18", "table": "3"},
    OF_PAPER | dict.fromkeys(OF_RUN, "") | {"place": "hcd/mobilenet", "table": "8"},
    OF_PAPER | OF_RUN | {"place": "own/resnet18", "table": "", "detectable": "inf"},
]


def make(root, experiment, *more, **claim):
    above = experiment.parent
    (above / "t.html").write_text(page_of())
    (above / "big.html").write_text(page_of("x" * index_page.LARGEST))
    items = [
        {"name": "claims", "category": "Claims", "title": "C", "caption": "", "files": {"png": str(above / "c.png"), "pdf": str(above / "c.pdf")}},
        {"name": "contrasts", "category": "Claims", "title": "Big", "caption": "", "files": {"html": str(above / "big.html")}},
        {"name": "table_03", "category": "Results", "title": "A <b> title", "caption": "c", "files": {"html": str(above / "t.html"), "csv": str(above / "t.csv")}},
        {"name": "figure_01", "category": "Learning curves", "title": "F", "caption": "<i>", "files": {"png": str(above / "f.png"), "pdf": str(above / "f.pdf")}},
        *more,
    ]  # fmt: skip
    for item in items:
        for path in map(Path, item["files"].values()):
            path.touch()
            if path.suffix == ".png":
                Image.new("RGB", (34, 20)).save(path)
    files = {
        "contents": write_json(experiment / "contents.json", items),
        "claims": write(above / "claims.csv", [claim_row("1", **claim)]),
        "readings": write(experiment / "readings.csv", READINGS),
        "design": write(experiment / "design.csv", DESIGN),
        "comparison": write(experiment / "comparison.csv", COMPARED),
        "metrics": experiment / "metrics.csv",
        "runs": experiment / "paper/hcd/small/runs.csv",
        "leakage": experiment / "leakage.csv",
        "out": above / "index.html",
    }
    command = [sys.executable, root / "src/index.py", "--title", "T <1>", "--note", "n", "--drawn"]
    command += [word for name, path in files.items() for word in (f"--{name}", path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_json(path, content):
    path.write_text(json.dumps(content))
    return path


def test_every_link_of_the_page_leads_somewhere(root, experiment):
    done = make(root, experiment)
    assert done.returncode == 0, done.stderr
    page = (experiment.parent / "index.html").read_text()
    targets = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(targets) > 15
    runs = (experiment.parent / "runs.html").read_text()
    for target in (*targets, *re.findall(r'href="([^"]+)"', runs)):
        if target.startswith("#"):
            assert f'id="{target[1:]}"' in (page if target in targets else runs), target
        elif not target.startswith("data:"):
            assert (experiment.parent / unquote(target)).exists(), target
    assert "A &lt;b&gt; title" in page and "T &lt;1&gt;" in page and "&lt;i&gt;" in page
    assert (
        "Heading" not in page
        and "<h4>Part</h4>" in page
        and 'width="34" height="20"' in page
        and "synthetic images" in page
    )


@pytest.mark.parametrize(
    ("verdict", "scored", "lead"),
    [(Verdict.NOTHING, True, "beside"), (Verdict.NOTHING, False, "claims"), (Verdict.UNDECIDED, True, "claims")],
)
def test_runs_without_numbers_for_the_claims_begin_with_their_own_results(root, experiment, verdict, scored, lead):
    above = experiment.parent
    beside = {"name": "beside", "category": "Comparison", "title": "Scores", "caption": "",
              "files": {"png": str(above / "s.png"), "pdf": str(above / "s.pdf")}}  # fmt: skip
    done = make(root, experiment, *([beside] if scored else []), verdict=verdict)
    assert done.returncode == 0, done.stderr
    page = (above / "index.html").read_text()
    assert re.findall(r'<figure id="item-(\w+)" class="first">', page) == [lead]
    items = re.findall(r'id="item-(\w+)"', page)
    assert len(set(items)) == len(items) == 4 + scored
    has_none = verdict == Verdict.NOTHING
    assert ("These runs have no numbers for the paper's claims" in page) is has_none and (
        'class="bar"' in page
    ) is not has_none
    assert (page.index('<section id="claims">') > page.index('<section id="provenance">')) is has_none


def test_a_large_table_is_linked_and_a_small_one_shown(root, experiment):
    assert make(root, experiment).returncode == 0
    page = (experiment.parent / "index.html").read_text()
    assert "<p>words</p>" in page and 'href="big.html"' in page and "x" * 100 not in page


def test_every_category_is_in_one_chapter():
    """Else what is of a new one would be missing on the page."""
    shown = [
        index_page.CLAIMS,
        *(category for _, categories in index_page.CHAPTERS.values() for category in categories),
    ]
    assert sorted(shown) == sorted(CATEGORIES)


def test_every_training_has_one_row_with_its_scores_and_files(experiment):
    runs = index_page.runs_by_folder(index_page.read_csv(experiment / "metrics.csv", ""))
    records = index_page.records_of(runs)
    (block,) = index_page.runs_table(runs, records, experiment, experiment.parent / "index.html").blocks()
    variant, alone = ([cell.text for cell in line.cells] for line in block.lines)
    assert variant[0] == "split by image" and variant[3:9] == [
        "ML V1",
        "0",
        "Accuracy: S1 81.2 Ensemble 81.2",
        "3",
        "60",
        "100.0",
    ]
    assert alone[2:6] == ["small", "Teacher alone", "0", "Accuracy: alone 81.2"]
    files = [[name for name, _ in line.cells[-1].links] for line in block.lines]
    assert files == [[*index_page.FILES, "values.csv"]] * 2
    assert block.lines[1].cells[-1].links[-1][1] == "demo/paper/hcd/small/alone/values.csv"


def test_provenance_lists_what_differs(experiment):
    runs = index_page.runs_by_folder(index_page.read_csv(experiment / "metrics.csv", ""))
    found = index_page.provenance(list(index_page.records_of(runs).values()))
    assert found["Runs"] == "2" and found["Packages"] == "torch 2, torch 3" and found["Devices"] == "cpu"
    assert found["Training time"] == "2.0 minutes"


@pytest.mark.parametrize(("missing", "words"), [("t.html", "t.html does not exist"), ("demo/paper/hcd/small/ml_v1/seed-0/run.json", "run.json does not exist")])  # fmt: skip
def test_what_is_missing_is_named(root, experiment, missing, words):
    assert make(root, experiment).returncode == 0
    (experiment.parent / missing).unlink()
    with pytest.raises(UserError, match=re.escape(words)):
        index_page.content_of(experiment.parent / "t.html")
        index_page.records_of([str(experiment / "paper/hcd/small/ml_v1/seed-0")])


def test_a_page_of_another_kind_is_refused(tmp_path):
    (tmp_path / "t.html").write_text("<html></html>")
    with pytest.raises(UserError, match="is no page of this workflow"):
        index_page.content_of(tmp_path / "t.html")


COMPARED = [{"departures": "batch 4 (8); 64 px (paper 224)", "seeds": "1"}, {"departures": "", "seeds": "0"}]


def test_claims_are_told_by_protocol():
    rows = [claim_row("1"), claim_row("1", answer="open"), claim_row("2"), claim_row("1", protocol="grouped")]
    (paper, claims), (grouped, _) = claims_page.pages(rows)
    assert (paper, grouped) == ("Split by image", "Split by patient, lesion or slide") and [
        claim.number for claim in claims
    ] == ["1", "2"]
    first = claims[0]
    assert (first.counts, first.mark, first.paper_mark) == ("1 yes, 1 open", "yes", "open")
    assert [cell.text for cell in first.table.lines[0].cells][3:6] == ["ML V3 – ML V1", "1.0 [0.5, 2.0]", "0.010"]


def test_contrasts_are_drawn_where_their_numbers_are():
    """From 0 to 100, with 0 points in the middle; what was not run is counted, not listed."""
    rows = [
        claim_row("1", estimate="-3", low="-4", high="0", paper_estimate="2", answer="no"),
        claim_row("1", estimate="nan", low="nan", high="nan", answer="not run", remark="not run in this experiment"),
    ]
    ((_, (claim,)),) = claims_page.pages(rows)
    (one,) = claim.contrasts
    assert claim.reach == 4 and one.drawn == {"low": 0.0, "high": 50.0, "ours": 12.5, "paper": 75.0}
    assert one.ours == ("−3.0 [−4, 0]", "0.010", "no", "no") and claim.counts == "1 no, 1 not run"
    assert len(claim.table.lines) == 1


def test_what_all_contrasts_share_is_said_once():
    ((_, (claim, other)),) = claims_page.pages([
        claim_row("1", remark="one seed"), claim_row("1", remark="one seed"), claim_row("2", remark="a"), claim_row("2", remark="b"),
    ])  # fmt: skip
    assert claim.remarks == "One seed" and [one.remark for one in claim.contrasts] == ["", ""]
    assert other.remarks == "" and [one.remark for one in other.contrasts] == ["a", "b"]


def test_intervals_beside_corrected_answers_say_that_they_are_not():
    assert [name for name in claims_page.COLUMNS if "[" in name] == [
        "Ours [unadjusted 95 %]",
        "Paper [unadjusted 95 %]",
    ]


def test_warnings_say_what_the_verdicts_are_about():
    about, one_seed = claims_page.warnings(COMPARED, "Drawn images.")
    assert about.startswith("The verdicts are about these runs") and "Drawn images. They differ" in about
    assert "batch 4 (8); 64 px (paper 224)." in about and one_seed.startswith("One seed")
    assert list(claims_page.warnings([{"departures": "", "seeds": "3"}], "")) == []


def test_the_page_of_claims_is_written(root, tmp_path):
    claims, compared = write(tmp_path / "claims.csv", [claim_row("1")]), write(tmp_path / "comparison.csv", COMPARED)
    command = [
        sys.executable,
        root / "src/claims_page.py",
        "--claims",
        claims,
        "--readings",
        write(tmp_path / "readings.csv", READINGS),
        "--design",
        write(tmp_path / "design.csv", DESIGN),
        "--comparison",
        compared,
        "--note",
        "a_b",
        "--page",
    ]
    done = subprocess.run(
        [*command, tmp_path / "c.md", tmp_path / "c.html"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "c.md").read_text()
    assert "a\\_b" in text and "V3 \\*beats\\* V1 \\| V2" in text and "**Holds**" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "learns from the labels alone" in text and "as the paper quotes them" in text
    page = (tmp_path / "c.html").read_text()
    assert (
        "learns from the labels alone" in page
        and "as the paper quotes them" in page
        and "unadjusted 95 %" in page
        and "<svg" in page
        and "V1 | V2" in page
    )


def test_a_claim_on_sizes_shows_every_reading_with_its_verdict():
    ((_, (claim, other)),) = claims_page.pages([claim_row("1"), claim_row("2")], READINGS)
    assert other.readings is None
    assert [column.title for column in claim.readings.columns] == [
        "two ResNet18: saved, %", "two MobileNet: saved, %", "verdict on the claim",
    ]  # fmt: skip
    quoted, mixed = claim.readings.lines
    assert quoted.title == "as the paper quotes them, in millions"
    assert mixed.title == "teacher: 1024-512 head, no extra block; students: linear head"
    assert [cell.text for cell in mixed.cells] == [
        "14.6 (22.4 of 26.2 M; paper 15): yes", "14.6 (22.4 of 26.2 M; paper 15): no", "does not hold",
    ]  # fmt: skip


def test_what_follows_from_the_design_stands_on_both_pages(root, experiment, tmp_path):
    apart = design.teachers(DESIGN)
    assert [line.title for line in apart.lines] == ["3: hcd/resnet18", "8: hcd/mobilenet"]
    assert [cell.text for cell in apart.lines[0].cells] == ["Accuracy", "94.10", "95.40", "1.30"]
    block = design.detects(DESIGN)
    assert "+2 points found" in [column.title for column in block.columns] and len(block.lines) == 4
    assert [cell.text for cell in block.lines[0].cells] == [
        "140",
        "140",
        "3",
        "1.50",
        "0.50",
        "22 %",
        "4 %",
        "4.1 points",
    ]
    assert block.lines[1].cells[-1].text == "none"
    assert [cell.text for cell in block.lines[2].cells][2:] == ["3", "0.50 of one run", "–", "97 %", "60 %", "–"]
    assert make(root, experiment).returncode == 0
    page = (experiment.parent / "index.html").read_text()
    assert "learns from the labels alone" in page and "4.1 points" in page and "verdict on the claim" in page
