"""The demo in miniature, through Snakemake from drawn archives to tables: what a newcomer runs, with an epoch each."""

import csv
import html
import json
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from miniature import NASTY, OWN_TITLE, copy_project, run
from one_number import contradictions
from reporting.printed import faults
from reporting.typeset import compiled, overfull
from snakemake_runs import ROOT, job_counts

from kdml.analysis.metrics import scale_of


def run_folder(folder, task="hcd", name="kd_off_v3"):
    return folder / f"results/miniature/paper/{task}/small/{name}/seed-0"


def test_tables_hold_every_run(chain):
    blocks_of = {
        "table_03": {"kd_off", "own"}, "table_04": {"kd_off", "own"}, "table_02": {"baselines"}, "results_mine_own": {"own"}, "baselines_mine": {"baselines"},
    }  # fmt: skip
    for name, blocks in blocks_of.items():
        rows = list(csv.DictReader((chain / f"results/tables/{name}.csv").open()))
        assert {row["block"] for row in rows} == blocks
        assert all(0 <= float(row["mean"]) <= 100 for row in rows if row["mean"])
        for suffix in ("md", "tex", "html"):
            text = (chain / f"results/tables/{name}.{suffix}").read_text()
            assert "Synthetic images" in text
    for name in ("table_03", "results_mine_own"):
        rows = csv.DictReader((chain / f"results/tables/{name}.csv").open())
        found = dict.fromkeys(row["network"] for row in rows if row["column"] == "circle")
        assert list(found) == ["s1", "s2", "s3", "ensemble"]


def test_one_network_has_one_number_in_all_tables(chain):
    """The frozen teacher of segmentation, for one, is the network trained alone."""
    count, wrong = contradictions(chain / "results", "miniature")
    assert count > 3 and wrong == []


def test_words_of_the_configuration_are_shown_and_never_run(chain):
    """The description and the title of a task hold all that a shell, a pattern, Markdown, LaTeX or HTML takes apart."""
    assert not list(chain.parent.rglob("hacked")) and not (ROOT / "hacked").exists()
    shown = {item["name"]: item for item in json.loads((chain / "results/miniature/contents.json").read_text())}
    assert OWN_TITLE in shown["results_mine_own"]["title"]
    for name in (
        "results/tables/results_mine_own.html",
        "results/tables/table_01.html",
        "results/claims.html",
        "results/index.html",
    ):
        assert html.escape(NASTY, quote=False) in html.escape(html.unescape((chain / name).read_text()), quote=False), (
            name
        )
    assert "own variants" in (chain / "results/tables/results_mine_own.md").read_text().lower()


def test_latex_tables_need_no_special_characters(chain):
    for path in (chain / "results/tables").glob("*.tex"):
        text = path.read_text().replace("ümlaut", "")  # of the description
        assert text.isascii(), (path.name, [sign for sign in text if not sign.isascii()])


def test_every_table_of_the_run_is_set_by_latex(chain, tmp_path):
    log, _ = compiled(tmp_path, [path.read_text() for path in sorted((chain / "results/tables").glob("*.tex"))])
    assert overfull(log) == []


def test_every_figure_of_the_run_fits_a_page(chain):
    drawn = sorted((chain / "results/figures").glob("*.pdf"))
    assert len(drawn) > 20 and [fault for path in drawn for fault in faults(path)] == []


def test_every_number_can_be_traced(chain):
    record = json.loads((run_folder(chain) / "run.json").read_text())
    assert record["settings"]["run"] == "kd_off_v3" and record["seed"] == 0 and len(record["code_hash"]) == 16
    assert {"data.images", "split", "teacher"} <= record["inputs"].keys()
    assert record["packages"]["torch"] and record["device"].startswith("cpu")
    assert record["images_per_second"] > 0 and record["peak_memory_mib"] > 100
    report = json.loads((chain / "results/miniature/data/hcd/report.json").read_text())
    assert record["inputs"]["data.images"] == report["sha256"]["images"]
    with open(chain / "results/miniature/metrics.csv") as file:
        rows = list(csv.DictReader(file))
    runs = {"kd_off_v3", "circle", "sp", "cwd", "rkd", "teacher", "baseline"}
    assert {row["task"] for row in rows} == {"hcd", "lgg", "mine"} and {row["run"] for row in rows} == runs
    assert all((chain / row["folder"] / "run.json").exists() for row in rows)


def test_offline_teacher_of_segmentation_is_the_baseline(chain):
    kept = np.load(run_folder(chain, "lgg") / "predictions.npz")["teacher"]
    baseline = np.load(chain / "results/miniature/paper/lgg/teacher_small/baseline/seed-0/predictions.npz")["baseline"]
    assert np.array_equal(kept, baseline)


def test_everything_that_has_runs_is_made(chain):
    """What nothing was run for is left out: mutual learning alone, KD + ML, and other data sets."""
    figures = {path.name for path in (chain / "results/figures").iterdir()}
    names = {name.partition(".")[0] for name in figures}
    assert {f"{name}.{suffix}" for name in names for suffix in ("pdf", "png")} == figures
    drawn = {f"figure_{number:02d}" for number in (1, 2, 3, 4, 5, 7, 8, 10, 11)}
    assert names >= drawn | {
        *(
            f"{kind}_{table}"
            for kind in ("beside", "curves", "runs")
            for table in ("table_02", "table_03", "table_04", "table_10", "results_mine_own", "baselines_mine")
        ),
        "beside_table_11", "beside_table_12", "compression_hcd_small", "compression_lgg_small", "compression_mine_own", "detection_lgg_small",
        "clinic_reliability", "clinic_referral", "clinic_flips",
    }  # fmt: skip
    for name in figures:
        content = (chain / "results/figures" / name).read_bytes()
        assert content.startswith(b"%PDF" if name.endswith("pdf") else b"\x89PNG") and len(content) > 3000, name
    tables = {path.name for path in (chain / "results/tables").iterdir()}
    assert {
        f"{name}.{suffix}"
        for name in (
            "table_06",
            "comparison",
            "clinic",
            "clinic_teacher",
            "similarity",
            "results_mine_own",
            "baselines_mine",
            "contrasts",
            "compression",
        )
        for suffix in ("csv", "md", "tex", "html")
    } <= tables


def test_figures_are_not_blank(chain):
    from PIL import Image

    for path in (chain / "results/figures").glob("*.png"):
        pixels = np.asarray(Image.open(path).convert("L"), dtype=float)
        assert pixels.std() > 5 and (pixels < 128).mean() > 0.002, path


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_claims_name_what_was_not_run(chain):
    rows = read(chain / "results/claims.csv")
    assert {row["claim"] for row in rows} == {str(number) for number in range(1, 12)}
    assert {row["answer"] for row in rows if row["claim"] == "3"} == {"not run"}
    assert {row["verdict"] for row in rows if row["claim"] == "3"} == {"without numbers"}
    text = (chain / "results/claims.md").read_text()
    assert "The verdicts are about these runs and not about the paper." in text and "60 of 20,000 images" in text
    assert "One seed" in text


def test_comparison_says_how_the_runs_depart(chain):
    rows = read(chain / "results/miniature/comparison.csv")
    assert len(rows) == 576 + 19 + 24
    ours = [row for row in rows if row["seeds"] == "1"]
    assert {row["table"] for row in ours} == {"2", "3", "4", "10", "11", "12"}
    assert {row["run"] for row in ours if row["table"] == "10"} == {"sp", "cwd"}
    assert all("32 px" in row["departures"] and "random start" in row["departures"] for row in ours)


def test_table_10_shows_published_methods_and_ones_own(chain):
    rows = read(chain / "results/tables/table_10.csv")
    assert [(row["Task"], row["Method"], row["Metric"]) for row in rows] == [
        ("hcd", "SP", "Accuracy"), ("hcd", "Relations", "Accuracy"), ("lgg", "CWD", "IoU"), ("lgg", "CWD", "F-score"),
    ]  # fmt: skip
    assert [row["Paper"] for row in rows] == ["94.56", "nan", "75.87", "86.58"]
    assert rows[0]["Loss weights"] == "supervised 1, similarity 375" and rows[1]["Options"] == "tap f3"
    assert rows[2]["Loss weights"] == "supervised 1, channelwise 3"
    values = {(row["run"], row["network"], row["metric"]): row for row in sheet(chain, "methods")}
    assert float(rows[1]["Ours"]) == float(values["rkd", "s1", "accuracy"]["mean"])


def test_methods_are_recorded(chain):
    record = json.loads((run_folder(chain, name="rkd") / "run.json").read_text())
    assert record["settings"]["method"]["name"] == "docs/examples/rkd.py:RKD" and record["settings"]["method"]["sha256"]
    assert record["sharing"]["weights"] == {"distance": 25.0} and record["sharing"]["adaptor_parameters"] == 0
    published = json.loads((run_folder(chain, name="sp") / "run.json").read_text())
    assert published["code_hash"] == record["code_hash"] and published["method_hash"] != record["method_hash"]


def test_grid_search_chooses_by_validation_and_leaves_the_test_set_alone(own_chain):
    chain = own_chain
    assert not (chain / "results/miniature/grid_search").exists()  # only on request
    done = run(chain, "grid_search")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = chain / "results/miniature/grid_search"
    trials = sorted(path.parent for path in folder.rglob("run.json"))
    assert len(trials) == 4  # on each task the grid's only setting, and the paper's
    assert all({path.name for path in trial.glob("[!.]*")} == {"run.json", "history.csv"} for trial in trials)
    best = {row["dataset"]: row for row in read(folder / "hyperparameters.csv")}
    for task, row in best.items():
        assert (row["alpha"], row["beta"], row["gamma"]) == ("0.3", "0.7", "0.0")
        record = json.loads((folder / f"paper/{task}/small/kd_off_v3/alpha-0.3-0.3/seed-0/run.json").read_text())
        assert float(row["score"]) == pytest.approx(50 * sum(record["best"][name]["score"] for name in ("s1", "s2")))
    assert len(read(chain / "results/tables/grid_search.csv")) == 2
    for name in ("grid_search_hcd_small", "grid_search_lgg_small"):
        assert (chain / f"results/figures/{name}.png").stat().st_size > 3000
    config = f"hyperparameters={folder / 'hyperparameters.csv'}"
    counts = job_counts(run(chain, "-n", run_folder(chain).relative_to(chain) / "run.json", "--config", config))
    assert counts["train"] == 1


def sheet(chain, name, task="hcd", pair="small"):
    return read(chain / f"results/miniature/paper/{task}/{pair}/{name}/values.csv")


def test_fidelity_and_regions_come_from_stored_predictions(chain):
    stored = np.load(run_folder(chain) / "predictions.npz")
    agree = (stored["teacher"].argmax(axis=1) == stored["s1"].argmax(axis=1)).mean()
    values = {(row["run"], row["network"], row["metric"]): row for row in sheet(chain, "fidelity")}
    assert float(values["kd_off_v3", "s1", "accuracy"]["mean"]) == pytest.approx(100 * agree)
    assert {run for run, *_ in values} == {"kd_off_v3"}  # nobody teaches the others
    regions = pd.read_parquet(chain / "results/miniature/paper/lgg/small/variants/regions.parquet")
    assert set(regions["network"]) == {"teacher", "s1", "s2", "s3", "ensemble"}


def test_one_run_is_evaluated_on_request_to_the_same_numbers(own_chain):
    folders = [run_folder(own_chain), run_folder(own_chain, "lgg"), run_folder(own_chain, name="circle")]
    assert not any((folder / "metrics.json").exists() for folder in folders)
    done = run(own_chain, *(folder.relative_to(own_chain) / "metrics.json" for folder in folders))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        f"Made: {(folders[2] / 'metrics.json').relative_to(own_chain)}, " in done.stderr and "Open" not in done.stderr
    )
    for folder, task in zip(folders, ("hcd", "lgg", "hcd"), strict=True):
        metrics = json.loads((folder / "metrics.json").read_text())
        by_seed = read(own_chain / f"results/miniature/paper/{task}/small/variants/by_seed.csv")
        rows = [row for row in by_seed if row["run"] == folder.parent.name]
        assert len(rows) > 8
        for row in rows:
            mine = metrics["networks"][row["network"]][row["metric"]]
            assert (row["value"] == "nan" and mine is None) or float(row["value"]) == pytest.approx(
                scale_of(row["metric"]) * mine
            ), row
    assert json.loads((folders[2] / "metrics.json").read_text())["fidelity"] == {}
    assert {row["network"] for row in read(folders[1] / "regions.csv")} <= {"teacher", "s1", "s2", "ensemble"}


def test_similarity_compares_students_with_their_teacher(chain):
    rows = read(chain / "results/miniature/paper/hcd/small/similarity/kd_off/upper.csv")
    assert [(row["first"], row["second"]) for row in rows] == [("teacher", "s1"), ("teacher", "s2"), ("s1", "s2")]
    assert all(-1 <= float(row["upper_mean"]) <= 1 and int(row["images"]) >= 4 for row in rows)


FIGURES = {"schemes", "results", "results_of_fidelity", "clinic", "figure"}
REPORT = FIGURES | {"table", "claims_page", "index"}
ANALYSES = {
    "evaluate",
    "evaluate_teacher",
    "fidelity",
    "contrasts",
    "contrasts_of_methods",
    "compression",
    "comparison",
    "claims",
    "metrics",
    "methods",
}
CODE = ('"""\n\n', '"""\n\nEDITED = 1\n')
# what is edited -> (file, what to change, rules that must run, rules that may)
EDITS = {
    "a caption": ("workflow/report/captions.yaml", ("Figure 10", "Figure ten"), {"figure", "contents", "index"}, set()),
    "a colour": ("workflow/report/style.yaml", ("0072B2", "0072B3"), FIGURES | {"index"}, {"table"}),
    "code of all figures": ("src/kdml/reporting/figures/common.py", CODE, FIGURES | {"index"}, {"table"}),
    "code of one figure": ("src/kdml/reporting/figures/similarity.py", CODE, {"figure", "index"}, set()),
    "a template": ("workflow/report/templates/table.md.j2", ("|", "||"), {"table", "results"}, REPORT | {"leakage"}),
    "statistics": ("src/kdml/analysis/statistics.py", CODE, {"evaluate", "fidelity", "contrasts", "claims"}, ANALYSES | REPORT),
    "the training": ("src/kdml/learning/engine.py", CODE, set(), {"similarity", "similarity_summary"} | ANALYSES | REPORT),
    "a comment": ("src/kdml/analysis/statistics.py", ('"""\n\n', '"""\n\n# edited\n'), set(), set()),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_makes_again_what_it_decides_and_trains_nothing(chain, tmp_path, name):
    file, (old, new), wanted, allowed = EDITS[name]
    path = copy_project(tmp_path / "project") / file
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new, 1))
    done = run(chain, "-n", root=tmp_path / "project")
    nothing = "Nothing to be done" in done.stdout + done.stderr
    planned = {} if nothing else job_counts(done)
    rules = planned.keys() - {"all"}
    assert done.returncode == 0 and wanted <= rules <= wanted | allowed, rules
    if name == "code of one figure":
        assert planned["figure"] == 2  # figures 10 and 11


def test_report_is_one_file_with_everything(chain, tmp_path):
    report = tmp_path / "report.html"
    done = run(chain, "--report", report)
    assert done.returncode == 0, done.stdout + done.stderr
    text = report.read_text()
    for category in ("Representations", "Predictions", "Learning curves", "Compression", "Claims", "Method"):
        assert category in text
    assert "{\\u2060tumours}" in text or "{\N{WORD JOINER}tumours}" in text
    assert "Figure 4: all techniques and strategies" in text and "The frame marks the higher layers" in text


def test_no_checkpoint_is_left(chain):
    assert not list(chain.rglob("checkpoint*")) and not list(chain.rglob("*.partial*"))


def test_nothing_to_do_the_second_time(chain):
    done = run(chain)
    assert done.returncode == 0 and "Nothing to be done" in done.stdout + done.stderr


def test_another_description_only_renders(chain):
    counts = job_counts(run(chain, "-n", "--config", "description=Another"))
    assert counts.keys() == REPORT | {"all"}


def test_a_list_that_grows_with_the_runs_is_told_in_a_line_when_it_changes(chain):
    """Snakemake shows what a parameter was and what it is now: of such a list it would be pages."""
    less = "run={tasks: [hcd], pairs: [small], strategies: [v1, v3], variants_for: {}, own_variants: [], methods_at: [hcd/small], seeds: [0, 1]}"
    done = run(chain, "-n", "--config", less)
    told, rule = {}, ""
    for line in done.stdout.splitlines():
        rule = named[1] if (named := re.match(r"(?:local)?rule (\w+):", line)) else rule
        if "Params have changed" in line:
            told[rule] = line
    assert {"runs", "splits", "contents"} <= told.keys()
    assert max(len(told[rule]) for rule in ("runs", "splits", "contents")) < 300


def test_another_learning_rate_retrains_its_task_only(chain):
    counts = job_counts(run(chain, "-n", "--config", "tasks={lgg: {training: {learning_rate: 0.01}}}"))
    assert counts["train"] == 5


def train_command(chain, out, **changes):
    """The training of a finished run again, by hand."""
    settings = json.loads((run_folder(chain, name="circle") / "run.json").read_text())["settings"]
    settings["training"] |= changes
    base = chain / "results/miniature"
    return [
        sys.executable, str(ROOT / "src/train.py"), "--settings", json.dumps(settings), "--data", str(base / "data/hcd"),
        "--split", str(base / "paper/hcd/split-0.csv"), "--out", str(out),
    ]  # fmt: skip


def test_the_same_run_by_hand_gives_the_same_bits(chain, tmp_path):
    subprocess.run(train_command(chain, tmp_path), check=True, capture_output=True)
    for name in ("weights.safetensors", "predictions.npz", "validation.npz"):
        assert (tmp_path / name).read_bytes() == (run_folder(chain, name="circle") / name).read_bytes()


def test_two_trainings_do_not_write_to_one_folder(chain, tmp_path):
    """As when Snakemake was killed and started again while a job of its went on."""
    command = train_command(chain, tmp_path / "run", epochs=500)
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (tmp_path / "run" / ".lock").exists():
            assert first.poll() is None
            time.sleep(0.1)
        second = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (
            second.returncode == 75 and f"process {first.pid} on " in second.stderr and "Traceback" not in second.stderr
        )
        assert first.poll() is None
    finally:
        first.terminate()
        first.wait()
    assert {path.name for path in (tmp_path / "run").iterdir()} - {"progress.json"} == {"checkpoint.pt"}


# What is wrong -> (option of the training, its value, words of the message)
BAD_ARGUMENTS = {
    "settings that are none": ("--settings", "{}", ["not the settings of a run"]),
    "settings that are missing": ("--settings", "nowhere.json", ["--settings: nowhere.json does not exist"]),
    "data that is missing": ("--data", "nowhere", ["nowhere/images.npy does not exist"]),
    "split that is missing": ("--split", "nowhere.csv", ["nowhere.csv does not exist"]),
    "offline, without its teacher": ("--settings", "kd_off_v3", ["needs a trained teacher", "--teacher"]),
}
TRY_ALL = """
import json, runpy, sys
for command in json.load(sys.stdin):
    sys.argv = command
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        print("ENDS WITH", end.code, file=sys.stderr)
"""


def test_bad_arguments_end_with_a_message(chain, tmp_path):
    """All in one process, because each would load torch again."""
    commands = []
    for option, value, _ in BAD_ARGUMENTS.values():
        command = train_command(chain, tmp_path / "out")[1:]
        command[command.index(option) + 1] = str(run_folder(chain) / "run.json") if value == "kd_off_v3" else value
        commands.append(command)
    told = [sys.executable, "-c", TRY_ALL]
    done = subprocess.run(told, input=json.dumps(commands), check=True, capture_output=True, text=True)
    said = done.stderr.split("ENDS WITH 2\n")
    assert len(said) == len(BAD_ARGUMENTS) + 1 and "Traceback" not in done.stderr, done.stderr
    for text, (name, (_, _, words)) in zip(said, BAD_ARGUMENTS.items(), strict=False):
        assert all(word in text for word in words), (name, text)
    assert not (tmp_path / "out" / "run.json").exists()


def test_settings_script_prints_what_training_takes(chain):
    command = [sys.executable, ROOT / "src/settings.py", "--config", ROOT / "config.yaml", chain / "miniature.yaml"]
    asked = ["--task", "hcd", "--pair", "small", "--run", "kd_off_v3"]
    done = subprocess.run([*command, *asked], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == json.loads((run_folder(chain) / "run.json").read_text())["settings"]
    wrong = subprocess.run([*command, *asked[:-1], "kd_off_v1"], check=False, capture_output=True, text=True)
    assert wrong.returncode == 2 and "is not among the runs" in wrong.stderr


def test_failed_training_loses_nothing(own_chain):
    """A run that fails leaves the other results, and its message stands in Snakemake's output."""
    copy = own_chain
    before = {path: path.read_bytes() for path in (copy / "results/miniature/paper/lgg").rglob("*") if path.is_file()}
    shutil.rmtree(run_folder(copy, name="circle"))
    run_folder(copy, name="circle").mkdir()
    (run_folder(copy, name="circle") / "checkpoint.pt").write_bytes(b"damaged")
    done = run(copy, "results/miniature/paper/hcd/small/circle/seed-0/run.json")
    output = done.stdout + done.stderr
    assert done.returncode != 0 and "checkpoint.pt cannot be read" in output and "to start this run anew" in output
    assert before and all(path.read_bytes() == content for path, content in before.items())
