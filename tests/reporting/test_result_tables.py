"""Result tables show ours beside the paper's in its layout, whoever's the task and the networks are, and refuse mixtures."""

import csv
import re
import subprocess
import sys

import pytest
from place_files import TITLES, band_rows, curve_rows, data_of, options_of, run_row, value_row, variants

from kdml.common.errors import UserError
from kdml.paper import numbers
from kdml.reporting.result_tables import baselines, fidelity, results

PLACE = "paper/hcd/small"


def rows_of(table):
    """Stored rows by (protocol, block, column, network, metric)."""
    keys = ("protocol", "block", "column", "network", "metric")
    return {tuple(row[name] for name in keys): row for row in table.stored()[1]}


def test_layout_and_numbers_of_table_3(tmp_path):
    table = results(data_of(tmp_path, {PLACE: variants()}))
    (section,) = table.sections
    assert [block.title for block in section.blocks] == ["ML", "KD (off)", "KD (on)", "KD + ML"]
    ml, *others = section.blocks
    assert [line.title for line in ml.lines] == ["S1", "S2", "Ensemble"]
    assert all([line.key for line in block.lines] == ["teacher", "s1", "s2", "ensemble"] for block in others)
    assert [group.title for group in ml.groups] == ["V1", "V2", "V3"]
    final = others[-1].lines[-1].cells[-1]
    assert (final.text, final.paper) == ("91.5 ± 0.1", "96.68 ± 0.584")
    bold = [cell for cell in table.cells() if cell.best_of_block]
    assert len(bold) == 4 and [cell.best for cell in bold] == [False, False, False, True]
    assert (
        table.notes[0]
        == "T: teacher (ours: Big; the paper: ResNet50). S1, S2, ...: student (ours: Tiny; the paper: ResNet18)."
    )
    assert table.notes[1] == "Percent of the test set (72 images). 3 seeds: mean ± SD."
    headline = rows_of(table)["paper", "kd_ml", "v3", "ensemble", "accuracy"]
    assert headline["table"] == "table_03" and headline["mean"] == "91.5000" and headline["paper_mean"] == 96.68


@pytest.mark.parametrize(("task", "student"), numbers.TABLES)
def test_every_number_of_the_paper_stands_in_its_table(tmp_path, task, student):
    given = variants(task, student_stands_for=student)
    stored = rows_of(results(data_of(tmp_path, {f"paper/{task}/small": given}))).values()
    theirs = [(row["paper_mean"], row["paper_std"]) for row in stored if row["paper_mean"] != ""]
    assert sorted(theirs) == sorted(numbers.variants(numbers.TABLES[task, student]).values())


def test_a_task_and_networks_of_ones_own_have_a_table_without_the_papers_numbers(tmp_path):
    own = {
        "task": "polyps",
        "task_title": "Polyps | *mine*",
        "metrics": "iou;f_score",
        "student_stands_for": "",
        "teacher_stands_for": "",
    }
    runs = [run_row("kd_ml_v3", **own), run_row("circle", **own, title="My circle")]
    networks = ("teacher", "s1", "s2", "s3", "ensemble")
    values = [
        value_row(run, network, metric)
        for run in ("kd_ml_v3", "circle")
        for network in networks
        for metric in ("iou", "f_score")
    ]
    table = results(data_of(tmp_path, {"paper/polyps/small": (runs, values)}, name="results_polyps_small"))
    assert not table.has_paper and [block.title for block in table.blocks()] == ["KD + ML", "Own variants"]
    mine = table.sections[0].blocks[-1]
    assert mine.groups[0].title == "My circle" and mine.groups[0].key == "circle"
    assert [line.title for line in mine.lines] == ["T", "S1", "S2", "S3", "Ensemble"]
    assert table.notes[0] == "T: teacher (Big). S1, S2, ...: student (Tiny)." and "72 images" in table.notes[1]
    assert {row["table"] for row in table.stored()[1]} == {"results_polyps_small"}


def test_one_network_in_the_t_rows_is_named(tmp_path):
    """Teachers of a block that gave the same outputs are one network; S1 never is."""
    table = results(data_of(tmp_path, {PLACE: variants()}))
    titles = [block.lines[0].title for block in table.blocks()]
    assert titles == ["S1", "T (one network)", "T (one network)", "T (one network)"]
    notes = " ".join(table.notes)
    assert (
        "KD (on) and KD + ML: an online teacher learns from the labels alone" in notes
        and "network under V1, V2 and V3" in notes
    )
    assert "KD (off): T is one frozen network under V1, V2 and V3." in notes


@pytest.mark.parametrize("outputs", ["other", ""])
def test_teachers_that_differ_are_not_called_one(tmp_path, outputs):
    runs, values = variants()
    for row in values:
        if row["network"] == "teacher" and row["run"].startswith("kd_on") and (not outputs or row["run"] == "kd_on_v2"):
            row["outputs"] = outputs
    table = results(data_of(tmp_path, {PLACE: (runs, values)}))
    assert [block.lines[0].title for block in table.blocks()][2] == "T"
    assert not any("KD (on)" in note for note in table.notes if "one" in note)


def test_a_block_of_one_strategy_says_nothing_of_one_network(tmp_path):
    runs = [run_row("kd_on_v1")]
    table = results(data_of(tmp_path, {PLACE: (runs, [value_row("kd_on_v1", "teacher"), value_row("kd_on_v1", "s1")])}))
    assert [line.title for line in table.sections[0].blocks[0].lines] == ["T", "S1"]


def test_a_network_that_has_none_of_the_tables_metrics_has_no_row(tmp_path):
    values = [value_row("ml_v1", "s1"), value_row("ml_v1", "both", "found_small", of="9")]
    table = results(data_of(tmp_path, {PLACE: ([run_row("ml_v1")], values)}))
    assert [line.key for line in table.sections[0].blocks[0].lines] == ["s1"]


def test_protocols_have_sections_in_one_order(tmp_path):
    given = {f"{protocol}/hcd/small": variants(protocol=protocol) for protocol in ("grouped", "paper")}
    table = results(data_of(tmp_path, given))
    assert [section.key for section in table.sections] == ["paper", "grouped"]
    assert table.sections[1].title == "Split by patient, lesion or slide"


def test_one_seed_has_its_interval(tmp_path):
    changed = {"low": "57", "high": "83.2", "cases": "48", "groups": "12"}
    values = [
        value_row("ml_v1", "s1", mean=70.833, seeds="1", std="nan", remark="one seed: uncertainty over test cases only")
    ]
    values[0] |= changed
    table = results(data_of(tmp_path, {PLACE: ([run_row("ml_v1")], values)}))
    assert table.sections[0].blocks[0].lines[0].cells[0].text == "70.8 [57, 83]"
    assert table.notes[1] == (
        "Percent of the test set (48 images of 12 patients, lesions or slides). One seed: value [95 % interval over test images]."
    )
    stored = next(iter(rows_of(table).values()))
    assert (stored["mean"], stored["std"], stored["low"], stored["high"]) == ("70.8330", "", "57.0000", "83.2000")


def test_weights_stand_once_in_a_note(tmp_path):
    """Variants of a technique with the same weights together; those of the second student where they differ."""
    runs, values = variants()
    next(row for row in runs if row["run"] == "ml_v2")["beta_prime"] = "0.6"
    (note,) = [note for note in results(data_of(tmp_path, {PLACE: (runs, values)})).notes if "weights" in note]
    assert note.startswith(
        "Loss weights α/β/γ of labels, KD and ML: ML V1 and V3: 0.2/0.2/0.2; ML V2: 0.2/0.2/0.2, of S2 0.2/0.6/0.2; "
    )
    assert note.endswith("KD + ML V1, V2 and V3: 0.2/0.2/0.2.")


def test_a_number_of_the_paper_that_cannot_be_is_marked_as_printed(tmp_path):
    """An F-score below its IoU is, found by that rule: in the paper one of table 12."""
    runs, values = variants("lgg")
    taught = [row | {"truth": "teacher"} for row in values if row["network"] != "teacher"]
    table = fidelity(data_of(tmp_path, {"paper/lgg/small": (runs, taught)}, "fidelity", "table_12"))
    (marked,) = [cell.paper for cell in table.cells() if "†" in cell.paper]
    assert marked == "80.57 ± 1.697†" and any("As printed in the paper" in note for note in table.notes)
    assert not any(
        "†" in cell.paper for cell in results(data_of(tmp_path, {"paper/lgg/small": (runs, values)})).cells()
    )


@pytest.mark.parametrize(
    ("task", "student", "said"), [("lgg", "mobilenet", "0.0.438”, read as 0.438"), ("hcd", "resnet18", "")]
)
def test_what_the_paper_misprints_is_said_beside_its_numbers(tmp_path, task, student, said):
    place = f"paper/{task}/small"
    notes = results(data_of(tmp_path, {place: variants(task, student_stands_for=student)})).notes
    found = [note for note in notes if "misprints" in note]
    assert len(found) == bool(said) and all(said in note for note in found)


def test_undefined_values_and_missing_seeds_are_named(tmp_path):
    runs, values = variants()
    values[0] |= {"mean": "nan", "remark": "undefined in seed 0"}
    values[1]["seeds"] = "2"
    table = results(data_of(tmp_path, {PLACE: (runs, values)}))
    notes = " ".join(table.notes)
    assert "ML V1 S1 Accuracy: undefined in seed 0" in notes and "ML V1 S2 Accuracy: 2 of 3 seeds" in notes
    assert "2 to 3 seeds" in notes and table.sections[0].blocks[0].lines[0].cells[0].text == "undefined"


def test_what_did_not_run_is_left_out(tmp_path):
    runs, values = variants()
    kept = [row for row in values if row["run"] in ("ml_v1", "kd_ml_v3")]
    (section,) = results(data_of(tmp_path, {PLACE: (runs, kept)})).sections
    assert [(block.title, [group.title for group in block.groups]) for block in section.blocks] == [
        ("ML", ["V1"]),
        ("KD + ML", ["V3"]),
    ]


@pytest.mark.parametrize("codes", [("abc", "old"), ("abc", "abc old")])
def test_mixed_code_is_refused_unless_allowed(tmp_path, codes):
    """Over runs, and over the seeds of one run."""
    runs, values = variants()
    values[0]["code_hash"], values[1]["code_hash"] = codes
    data = data_of(tmp_path, {PLACE: (runs, values)})
    with pytest.raises(UserError, match="2 versions of the training code") as caught:
        results(data)
    assert "ml_v1" in str(caught.value)
    assert results(data_of(tmp_path, {PLACE: (runs, values)}, mixed="yes")).sections


def test_files_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(UserError, match="No values were given"):
        results(data_of(tmp_path, {}))
    with pytest.raises(UserError, match=r"values\.csv is empty"):
        results(data_of(tmp_path, {PLACE: ([run_row("ml_v1")], [])}))
    lacking = [{name: value for name, value in value_row("ml_v1", "s1").items() if name != "outputs"}]
    with pytest.raises(UserError, match="lacks the column 'outputs'"):
        results(data_of(tmp_path, {PLACE: ([run_row("ml_v1")], lacking)}))
    with pytest.raises(UserError, match="No run fills the table at paper/hcd/small"):
        results(data_of(tmp_path, {PLACE: ([run_row("sp", sheet="methods")], [value_row("sp", "s1")])}))


def taught_runs(own=False):
    runs, values = variants()
    extra = {"predictive_kl": 0.4, "agreement_where_right": 90, "agreement_where_wrong": 30}
    taught = [
        row | {"truth": "teacher", "mean": "77"}
        for row in values
        if row["run"][:2] == "kd" and row["network"] != "teacher"
    ]
    taught += [row | {"metric": name, "mean": str(value)} for row in taught for name, value in extra.items()]
    if own:
        runs.append(run_row("circle", title="Circle"))
        taught += [value_row("circle", "s1", metric, 50, truth="teacher") for metric in ("accuracy", *extra)]
    return runs, taught


TEACHERS = [{"metric": metric, "mean": mean, "std": "1", "seeds": "2", "remark": ""} for metric, mean in (("accuracy", "96"), ("predictive_kl", "0.1"))]  # fmt: skip


def test_fidelity_stands_beside_the_papers(tmp_path):
    table = fidelity(data_of(tmp_path, {PLACE: taught_runs()}, "fidelity", "table_11", teachers={PLACE: TEACHERS}))
    titles = [block.title for block in table.blocks()]
    assert titles[:3] == ["KD (off)", "KD (on)", "KD + ML"] and titles[-1] == "Reference" and len(titles) == 7
    stored = rows_of(table)
    theirs = numbers.variants(11)["kd_ml", "v3", "ensemble", "accuracy"]
    cell = stored["paper", "kd_ml", "v3", "ensemble", "accuracy"]
    assert (cell["mean"], cell["paper_mean"], cell["paper_std"]) == ("77.0000", *theirs)
    assert stored["paper", "kd_off_more", "v1", "s1", "agreement_where_wrong"]["mean"] == "30.0000"
    assert stored["paper", "reference", "reference", "teacher", "accuracy"]["mean"] == "96.0000"
    assert not any(
        cell.best_of_block for block in list(table.blocks())[3:] for line in block.lines for cell in line.cells
    )
    assert not any("one network" in line.title for block in table.blocks() for line in block.lines)


def test_fidelity_without_other_teachers_says_so_and_shows_own_variants(tmp_path):
    table = fidelity(data_of(tmp_path, {PLACE: taught_runs(own=True)}, "fidelity", "table_11"))
    assert any("No two teachers" in note for note in table.notes)
    assert [block.title for block in table.blocks()][3::4] == ["Own variants", "Own variants, beyond the paper"]


def test_teachers_stand_under_their_own_protocol(tmp_path):
    labels = {f"{protocol}/hcd/small": (protocol, mean) for protocol, mean in (("paper", "98"), ("grouped", "70"))}
    places = {label: taught_runs() for label in labels}
    teachers = {label: [TEACHERS[0] | {"mean": mean}] for label, (_, mean) in labels.items()}
    stored = rows_of(fidelity(data_of(tmp_path, places, "fidelity", "table_11", teachers=teachers)))
    assert stored["grouped", "reference", "reference", "teacher", "accuracy"]["mean"] == "70.0000"


def alone(task, students=("tiny",), **changed):
    """Places of one teacher network and several students, all trained alone."""
    metrics = numbers.METRICS[task]
    return {
        f"paper/{task}/{student}": (
            [run_row(f"baseline_{role}", "alone", task=task, pair=student, student_network=student, **changed) for role in ("teacher", "student")],
            [value_row(f"baseline_{role}", "baseline", metric, 90) for role in ("teacher", "student") for metric in metrics],
        )
        for student in students
    }  # fmt: skip


def test_baselines_stand_once_each_though_pairs_share_a_teacher(tmp_path):
    places = alone("hcd", ("tiny", "small")) | alone("lgg")
    table = baselines(data_of(tmp_path, places, "baselines", "table_02"))
    (block,) = table.blocks()
    assert [line.key for line in block.lines] == ["big", "small", "tiny"]
    assert [group.title for group in block.groups] == [TITLES["hcd"], TITLES["lgg"]]
    stored = rows_of(table)
    assert stored["paper", "baselines", "hcd", "big", "accuracy"]["paper_mean"] == 94.35
    assert ("paper", "baselines", "lgg", "small", "iou") not in stored
    assert stored["paper", "baselines", "lgg", "tiny", "iou"]["paper_mean"] == 75.06


def test_an_offline_teacher_is_no_baseline(tmp_path):
    """It has the extra block, and learns for its pair alone."""
    ((place, (runs, values)),) = alone("hcd").items()
    given = {place: ([*runs, run_row("teacher", "alone")], [*values, value_row("teacher", "baseline", mean=10)])}
    table = baselines(data_of(tmp_path, given, "baselines", "table_02"))
    assert [row["mean"] for row in table.stored()[1]] == ["90.0000", "90.0000"]


def render(root, folder, data, name="table_03"):
    outputs = [str(folder / f"{name}.{suffix}") for suffix in ("csv", "md", "tex", "html")]
    figures = [
        part
        for kind in ("beside", "curves", "runs")
        for part in (f"{kind}={folder / kind}.png", f"{kind}={folder / kind}.pdf")
    ]
    command = [
        sys.executable,
        root / "src/results.py",
        "--name",
        name,
        "--kind",
        "results",
        "--title",
        "Table 3: a & b",
        "--caption",
        "A caption",
    ]
    command += [
        "--note",
        "A note with 50 % & more_less.",
        *options_of(data),
        "--table",
        *outputs,
        "--figures",
        *figures,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def whole(folder):
    runs, values = variants("lgg")
    curves = {"curves": {"paper/lgg/small": curve_rows(["ml_v1"])}, "bands": {"paper/lgg/small": band_rows(["ml_v1"])}}
    return data_of(folder / "in", {"paper/lgg/small": (runs, values)}, **curves)


def test_rendered_files(root, tmp_path):
    done = render(root, tmp_path, whole(tmp_path))
    assert done.returncode == 0, done.stderr
    texts = {suffix: (tmp_path / f"table_03.{suffix}").read_text() for suffix in ("md", "tex", "html")}
    assert all("91.5 ± 0.1" in texts[suffix] and "80.12 ± 0.597" in texts[suffix] for suffix in ("md", "html"))
    assert r"91.5{\normalfont\,$\pm$ 0.1" in texts["tex"] and r"50 \% \& more\_less" in texts["tex"]
    assert texts["tex"].count(r"\begin{longtable}") == texts["tex"].count(r"\end{longtable}") == 1
    columns = [len(re.findall(r"(?<!\\)&", line)) for line in texts["tex"].splitlines() if line.startswith("Ensemble")]
    assert columns == [6, 6, 6, 6]
    assert "50 % &amp; more_less" in texts["html"] and texts["html"].count("<script") == 1  # the page's own
    blocks = re.findall(r"(?:^\|.*\n)+", texts["md"], flags=re.M)
    assert len(blocks) == 4 and all(len({line.count("|") for line in block.splitlines()}) == 1 for block in blocks)
    ours, papers = [line for line in texts["md"].splitlines() if line.startswith("| Ensemble")][-2:]
    assert ours.startswith("| Ensemble |") and "91.5 ± 0.1** ★" in ours
    assert papers.startswith("| Ensemble, paper |") and "80.12 ± 0.597" in papers
    rows = list(csv.DictReader((tmp_path / "table_03.csv").open()))
    assert len(rows) == 90 and float(rows[-1]["mean"]) == 91.5
    assert {path.name for path in tmp_path.glob("*.p*")} == {
        f"{n}.{s}" for n in ("beside", "curves", "runs") for s in ("pdf", "png")
    }


def test_a_refusal_writes_nothing(root, tmp_path):
    data = whole(tmp_path)
    data.files["values:paper/lgg/small"][0].unlink()
    done = render(root, tmp_path, data)
    assert done.returncode == 2 and "values.csv does not exist" in done.stderr and "Traceback" not in done.stderr
    assert not [path for path in tmp_path.iterdir() if path.is_file()]
