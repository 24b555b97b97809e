"""Tidy tables refuse what must not be mixed; result tables show ours beside the paper's in its layout."""

import csv
import json
import math
import re
import statistics
import subprocess
import sys

import pytest

from kdml.analysis.over_seeds import over_seeds, summarise, tidy
from kdml.common.errors import UserError
from kdml.paper import numbers
from kdml.reporting import result_tables
from kdml.runs.graph import VARIANTS

KEYS = {
    "protocol": "paper",
    "task": "hcd",
    "pair": "resnet50-resnet18",
    "table": 3,
    "teacher": "resnet50",
    "student": "resnet18",
}


def write_run(folder, seed, value, code="abc", epochs=5, **metrics):
    folder.mkdir(parents=True)
    record = {
        "settings": {"seed": seed, "epochs": epochs},
        "code_hash": code,
        "settings_hash": "x",
        "epochs": 5,
        "device": "cpu",
    }
    (folder / "run.json").write_text(json.dumps(record))
    networks = {"s1": {"accuracy": value, **metrics}}
    measured = {"kind": "classification", "n": 72, "networks": networks, "fidelity": {}}
    (folder / "metrics.json").write_text(json.dumps(measured))
    return KEYS | {"folder": str(folder), "run": "ml_v1", "technique": "ml", "strategy": "v1", "seed": seed}


def test_tidy_rows(tmp_path):
    runs = [write_run(tmp_path / str(seed), seed, 0.9 + seed / 100, iou=None) for seed in range(3)]
    rows = tidy(runs)
    assert [row["value"] for row in rows if row["metric"] == "accuracy"] == pytest.approx([90, 91, 92])
    assert all(math.isnan(row["value"]) for row in rows if row["metric"] == "iou")
    assert (
        rows[0]["run"] == "ml_v1" and rows[0]["n"] == 72 and rows[0]["code_hash"] == "abc" and "folder" not in rows[0]
    )


def test_mixed_code_is_refused_unless_allowed(tmp_path):
    runs = [write_run(tmp_path / str(seed), seed, 0.9, code="abc" if seed else "old") for seed in range(3)]
    with pytest.raises(UserError, match="2 versions of the training code") as caught:
        tidy(runs)
    assert str(tmp_path / "0") in str(caught.value) and "allow_mixed_code" in caught.value.remedy
    assert len(tidy(runs, allow_mixed_code=True)) == 3


def test_seeds_with_other_settings_are_refused(tmp_path):
    runs = [write_run(tmp_path / str(seed), seed, 0.9, epochs=5 + seed) for seed in range(2)]
    with pytest.raises(UserError, match="trained with different settings"):
        tidy(runs)


def test_a_missing_run_is_named(tmp_path):
    run = write_run(tmp_path / "0", 0, 0.9)
    (tmp_path / "0" / "metrics.json").unlink()
    with pytest.raises(UserError, match=r"metrics\.json does not exist"):
        tidy([run])
    with pytest.raises(UserError, match=r"run\.json does not exist"):
        tidy([run | {"folder": str(tmp_path / "1")}])


def test_summary_is_the_sample_standard_deviation():
    values = [94.2, 95.1, 93.7]
    summary = summarise(values)
    assert (summary.mean, summary.std, summary.n) == pytest.approx(
        (statistics.mean(values), statistics.stdev(values), 3)
    )
    assert math.isnan(summarise([94.2]).std) and math.isnan(summarise([94.2, math.nan]).mean)


def test_means_over_seeds_keep_what_tells_runs_apart():
    rows = [
        {"pair": pair, "run": "a", "seed": seed, "value": value, "code_hash": f"code{seed}", "epochs": seed}
        for pair, seed, value in (("p", 0, 90), ("p", 1, 92), ("q", 0, 60), ("q", 1, math.nan))
    ]
    first, second = over_seeds(rows)
    assert (first["pair"], first["mean"], first["std"], first["seeds"]) == ("p", 91, pytest.approx(math.sqrt(2)), 2)
    assert first["code_hash"] == "code0 code1" and first["remark"] == "" and "epochs" not in first
    assert math.isnan(second["mean"]) and second["remark"] == "undefined in seed 1"
    with pytest.raises(UserError, match="seed 0 stands twice"):
        over_seeds([*rows, rows[0]])


def tidy_rows(task="hcd", seeds=(0, 1, 2), protocols=("paper",), own=False, student="resnet18"):
    """Rows for all variants: the value tells run, network and seed apart."""
    number = numbers.TABLES[task, student]
    rows = []
    runs = {name: (technique, strategy) for name, (technique, strategy) in VARIANTS.items()}
    if own:
        runs["circle"] = ("", "")
    for protocol in protocols:
        for place, (run, (technique, strategy)) in enumerate(runs.items()):
            students = ("s1", "s2", "s3") if run == "circle" else ("s1", "s2")
            networks = (() if technique == "ml" else ("teacher",)) + (*students, "ensemble")
            weights = dict.fromkeys(numbers.WEIGHTS, "0.2") if technique else dict.fromkeys(numbers.WEIGHTS, "")
            for network in networks:
                for metric in numbers.METRICS[task]:
                    for seed in seeds:
                        value = 80 + place + seed * 0.1 + (0.05 if network == "ensemble" else 0)
                        rows.append({
                            "protocol": protocol, "task": task, "pair": f"resnet50-{student}", "run": run, "seed": str(seed),
                            "technique": technique, "strategy": strategy, "table": str(number), "teacher": "resnet50",
                            "student": student, "stands_for": f"resnet50-{student}", "truth": "label", "network": network, "metric": metric,
                            "value": str(value), "n": "72", "code_hash": "abc", **weights,
                        })  # fmt: skip
    return rows


def fidelity_rows():
    """Rows of runs with a teacher, against its predictions; others must be left aside."""
    extra = {"predictive_kl": 0.4, "agreement_where_right": 90, "agreement_where_wrong": 30}
    rows = tidy_rows()
    for row in tidy_rows():
        if row["technique"] != "ml" and row["network"] != "teacher":
            rows.append(row | {"truth": "teacher", "value": "77"})
            rows += [row | {"truth": "teacher", "metric": name, "value": str(value)} for name, value in extra.items()]
    return rows


def test_fidelity_table_stands_beside_the_papers():
    pairs = [("0", "1", "accuracy", 95), ("1", "0", "accuracy", 97), ("0", "1", "predictive_kl", 0.1)]
    names = ("first_seed", "second_seed", "metric", "value")
    agreement = over_seeds([dict(zip(names, pair, strict=True)) for pair in pairs], over=names[:2])
    table = result_tables.build(11, over_seeds(fidelity_rows()), "", {"paper/hcd/resnet50-resnet18": agreement})
    (section,) = table.sections
    titles = [block.title for block in section.blocks]
    assert titles[:3] == ["KD (off)", "KD (on)", "KD + ML"] and titles[-1] == "Reference" and len(titles) == 7
    cell = section.blocks[2].rows[-1][2][-1]
    theirs = numbers.variants(11)["kd_ml", "v3", "ensemble", "accuracy"]
    assert cell.ours.mean == 77 and cell.theirs == theirs
    assert [cell.ours.mean for cell in section.blocks[3].rows[0][2][:3]] == pytest.approx([0.4, 90, 30])
    assert section.blocks[-1].rows[0][2][0].ours.mean == 96
    assert "No two teachers" in " ".join(result_tables.build(11, over_seeds(fidelity_rows())).notes)


def test_layout_and_numbers_of_table_3():
    table = result_tables.build(3, over_seeds(tidy_rows()))
    (section,) = table.sections
    assert [block.title for block in section.blocks] == ["ML", "KD (off)", "KD (on)", "KD + ML"]
    ml, *others = section.blocks
    assert [title for _, title, _ in ml.rows] == ["S1", "S2", "Ensemble"]
    assert all([title for _, title, _ in block.rows] == ["T", "S1", "S2", "Ensemble"] for block in others)
    assert [group.title for group in ml.groups] == ["V1", "V2", "V3"]
    assert ml.groups[0].weights == ("α=0.2, α′=0.2", "β=0.2, β′=0.2", "γ=0.2, γ′=0.2")
    final = others[-1].rows[-1][2][-1]
    assert final.ours_text == "91.15 ± 0.100" and final.theirs_text == "96.68 ± 0.584"
    bold = [cell for block in section.blocks for _, _, cells in block.rows for cell in cells if cell.best_of_block]
    assert len(bold) == 4 and [cell.best for cell in bold] == [False, False, False, True]


def test_every_number_of_the_paper_stands_in_its_table():
    shown = 0
    for (task, student), number in numbers.TABLES.items():
        table = result_tables.build(number, over_seeds(tidy_rows(task, student=student)))
        values = [
            c.theirs for s in table.sections for b in s.blocks for _, _, cells in b.rows for c in cells if c.theirs
        ]
        assert sorted(values) == sorted(numbers.variants(number).values())
        shown += len(values)
    assert shown + 81 == 576  # tables 11 and 12 hold the rest


def test_one_seed_has_no_spread():
    table = result_tables.build(4, over_seeds(tidy_rows("lgg", seeds=(0,))))
    assert table.sections[0].blocks[0].rows[0][2][0].ours_text == "80.00 ± –"
    assert "1 run (no spread)" in table.notes[0]


def test_two_pairs_that_stand_for_one_are_not_averaged():
    other = [row | {"pair": "other", "value": "10"} for row in tidy_rows()]
    table = result_tables.build(3, over_seeds([*tidy_rows(), *other]))
    assert [section.title.partition("; ")[2] for section in table.sections] == [
        "pair 'resnet50-resnet18'",
        "pair 'other'",
    ]
    assert [section.blocks[0].rows[0][2][0].ours.mean for section in table.sections] == pytest.approx([80.1, 10])
    assert "'other'" in table.caption


def test_teachers_stand_under_their_own_protocol():
    rows = fidelity_rows()
    rows += [row | {"protocol": "grouped"} for row in rows]
    one = {"metric": "accuracy", "std": "", "seeds": "2"}
    teachers = {f"{protocol}/hcd/resnet50-resnet18": [one | {"mean": mean}, one | {"metric": "predictive_kl", "mean": "0.1"}]
                for protocol, mean in (("paper", "98"), ("grouped", "70"))}  # fmt: skip
    sections = result_tables.build(11, over_seeds(rows), "", teachers).sections
    assert [section.blocks[-1].rows[0][2][0].ours.mean for section in sections] == [98, 70]


def test_undefined_values_and_missing_seeds_are_named():
    rows = [row for row in tidy_rows() if (row["run"], row["seed"]) != ("ml_v2", "2")]
    rows[0]["value"] = "nan"
    notes = " ".join(result_tables.build(3, over_seeds(rows)).notes)
    assert "ML V1 S1 Accuracy: undefined in seed 0" in notes and "ML V2 Ensemble Accuracy: 2 of 3 seeds" in notes
    assert "2 to 3 runs" in notes


def test_two_protocols_and_own_variants():
    table = result_tables.build(3, over_seeds(tidy_rows(protocols=("grouped", "paper"), own=True)))
    assert [section.protocol for section in table.sections] == ["paper", "grouped"]
    own = table.sections[0].blocks[-1]
    assert own.title == "Own variants" and [title for _, title, _ in own.rows] == ["T", "S1", "S2", "S3", "Ensemble"]
    assert own.rows[-1][2][0].best and own.rows[0][2][0].theirs is None


def test_what_did_not_run_is_left_out():
    rows = [row for row in tidy_rows() if row["run"] in ("ml_v1", "kd_ml_v3")]
    (section,) = result_tables.build(3, over_seeds(rows)).sections
    assert [(block.title, [group.title for group in block.groups]) for block in section.blocks] == [
        ("ML", ["V1"]),
        ("KD + ML", ["V3"]),
    ]


def baseline_rows():
    rows = []
    for task, networks in (("hcd", ("resnet50", "resnet18", "mobilenet")), ("lgg", ("resnet50", "tiny"))):
        for network in networks:
            for metric in numbers.METRICS[task]:
                rows.append({
                    "protocol": "paper", "task": task, "pair": network, "run": "baseline", "seed": "0", "technique": "",
                    "strategy": "", "table": "2", "teacher": "", "student": "", "truth": "label", "network": "baseline", "metric": metric,
                    "stands_for": "resnet18" if network == "tiny" else network, "value": "90", "n": "10", "code_hash": "abc",
                })  # fmt: skip
    return rows


def test_baselines():
    (block,) = result_tables.build(2, over_seeds(baseline_rows())).sections[0].blocks
    assert [title for _, title, _ in block.rows] == ["ResNet50", "ResNet18", "tiny (for ResNet18)", "MobileNet"]
    cells = {network: cells for network, _, cells in block.rows}
    assert cells["resnet50"][0].theirs == (94.35, 0.763)
    assert cells["tiny"][0].ours is None and cells["tiny"][1].theirs == (75.06, 0.792)


@pytest.mark.parametrize(("number", "words"), [(5, "not a table of results"), (4, "No run fills")])
def test_tables_that_cannot_be(number, words):
    with pytest.raises(UserError, match=words):
        result_tables.build(number, over_seeds(tidy_rows()))


def render(root, folder, number, rows, note="A note with 50 % & more_less."):
    rows = over_seeds(rows)
    with open(folder / "summary.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    outputs = [part for suffix in result_tables.FORMATS for part in (f"--{suffix}", str(folder / f"t.{suffix}"))]
    command = [
        sys.executable,
        str(root / "src/render_table.py"),
        "--table",
        str(number),
        "--title-note",
        note,
        *outputs,
    ]
    return subprocess.run(
        [*command, "--summaries", str(folder / "summary.csv")], capture_output=True, text=True, check=False
    )


def test_rendered_files(root, tmp_path):
    done = render(root, tmp_path, 4, tidy_rows("lgg", own=True))
    assert done.returncode == 0, done.stderr
    texts = {suffix: (tmp_path / f"t.{suffix}").read_text() for suffix in result_tables.FORMATS}
    for suffix in ("md", "html"):
        assert "91.15 ± 0.100" in texts[suffix] and "80.12 ± 0.597" in texts[suffix] and "Own variants" in texts[suffix]
    assert r"91.15 $\pm$ 0.100" in texts["tex"] and r"50 \% \& more\_less" in texts["tex"]
    assert texts["tex"].count(r"\begin{tabular}") == texts["tex"].count(r"\end{tabular}") == 5
    columns = [len(re.findall(r"(?<!\\)&", line)) for line in texts["tex"].splitlines() if line.startswith("Ensemble")]
    assert columns == [6, 6, 6, 6, 2]
    assert "50 % &amp; more_less" in texts["html"] and "<script" not in texts["html"]
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    headline = next(
        r for r in rows if (r["block"], r["column"], r["network"], r["metric"]) == ("kd_ml", "v3", "ensemble", "iou")
    )
    assert float(headline["mean"]) == pytest.approx(91.15) and float(headline["paper_mean"]) == 80.12


def test_rendering_refuses_mixed_code_and_keeps_the_old_table(root, tmp_path):
    """Two tidy tables, each of one version, make a mixture when they meet."""
    assert render(root, tmp_path, 3, tidy_rows()).returncode == 0
    before = (tmp_path / "t.md").read_text()
    rows = tidy_rows()
    for row in rows[-3:]:
        row["code_hash"] = "old"
    done = render(root, tmp_path, 3, rows)
    assert done.returncode == 2 and "2 versions of the training code" in done.stderr and "kd_ml_v3" in done.stderr
    assert (tmp_path / "t.md").read_text() == before


def test_rendering_nothing_writes_nothing(root, tmp_path):
    done = render(root, tmp_path, 15, tidy_rows())
    assert done.returncode == 2 and "No run fills table 15" in done.stderr
    assert not list(tmp_path.glob("t.*"))


def test_markdown_tables_are_regular(root, tmp_path):
    assert render(root, tmp_path, 3, tidy_rows(protocols=("paper", "grouped"))).returncode == 0
    text = (tmp_path / "t.md").read_text()
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        assert len({line.count("|") for line in block.splitlines()}) == 1
    assert len(re.findall(r"(?:^\|.*\n)+", text, flags=re.M)) == 8


def test_the_papers_files_are_whole():
    assert len(numbers._rows("variants")) == 576 and len(numbers._rows("hyperparameters")) == 90
    assert len(numbers._rows("baselines")) == 19 and len(numbers._rows("comparisons")) == 24
    for row in numbers._rows("hyperparameters"):
        for prime in ("", "_prime"):
            assert sum(float(row[name + prime]) for name in ("alpha", "beta", "gamma")) == pytest.approx(1)
    with pytest.raises(UserError, match="no weights alpha, beta, gamma for the student 'tiny'"):
        numbers.hyperparameters("hcd", "tiny", "ml", "v1")
