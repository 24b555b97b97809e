"""What Snakemake would do: the plan of the paper, the demo, one table alone, profiles, and mistakes in words."""

import re
import subprocess
import sys
import time
from collections import Counter

import pytest
from snakemake_runs import ROOT, clean_environment, job_counts, snakemake

from kdml.data.demo import draw_archive

ON_REQUEST = "results/figures/figure_04_ham10000_segmentation_resnet50-resnet18.pdf"
DEMO = ("--profile", "profiles/demo", "--cores", "2", "-n")


@pytest.mark.xdist_group("paper_plan")
def test_paper_plan(paper_plan, local_rules):
    on_request = paper_plan.needed_for(ON_REQUEST) - paper_plan.needed_for("results/index.html")
    counts = paper_plan.counts(set(paper_plan.jobs) - on_request)
    more = {"table": counts["table"] - 7, "figure": counts["figure"] - 16}  # that were added since
    assert min(more.values()) >= 0 and dict(Counter(counts) - Counter(more)) == {
        "fetch": 4, "weights": 3, "prepare": 1, "prepare_masks": 2, "split": 4, "splits": 1, "leakage": 1, "train": 297, "runs": 6, "evaluate": 14, "evaluate_teacher": 3, "fidelity": 6,
        "contrasts": 6, "contrasts_of_methods": 2, "methods": 2, "networks": 1, "compression": 6, "similarity": 24, "similarity_summary": 6, "slices": 4, "graphs": 1, "metrics": 1,
        "comparison": 1, "schemes": 1, "results": 9, "results_of_fidelity": 6, "clinic": 1, "table": 7, "figure": 16, "claims": 1, "claims_page": 1, "contents": 1, "index": 1,
        "all": 1,
    }  # fmt: skip
    submitted = {rule: count for rule, count in counts.items() if rule not in local_rules}
    assert {"evaluate_teacher", "table", "all"} <= local_rules and "evaluate" not in local_rules
    assert sum(counts.values()) <= 520 and sum(submitted.values()) <= 380, submitted


def test_demo_plan(tmp_path):
    counts = job_counts(snakemake(tmp_path, *DEMO))
    assert (counts["train"], counts["draw_demo"]) == (29, 2) and counts["table"] >= 7 and counts["figure"] >= 10
    assert sum(counts.values()) <= 100 and "weights" not in counts


def test_latency_is_measured_while_nothing_else_runs(tmp_path):
    demo = ("--configfile", ROOT / "profiles/demo/experiment.yaml")
    planned = snakemake(tmp_path, "results/tables/table_06.html", "--cores", "7", "-n", *demo).stdout
    assert re.search(r"^rule networks:\n(?:    .*\n)*    threads: 7$", planned, flags=re.M), planned


DATA = {
    "fetch": 1,
    "weights": 2,
    "prepare": 1,
    "split": 1,
    "runs": 1,
}  # of one dataset, with the two networks of the pair
MASKED = {"fetch": 1, "weights": 2, "prepare_masks": 1, "split": 1, "runs": 1}  # the same of a data set with masks
SLICED = MASKED | {"slices": 1, "figure": 1}
ALONE = {
    # Twelve variants, three seeds, the teachers of the offline ones, and the student alone, which the figure beside has a line for.
    "tables/table_04.md": MASKED | {"train": 42, "evaluate": 2, "results": 1},
    # Variants with a teacher alone, and three teachers.
    "tables/table_11.tex": DATA | {"train": 30, "fidelity": 1, "results_of_fidelity": 1},
    "figures/beside_table_11.pdf": DATA | {"train": 30, "fidelity": 1, "results_of_fidelity": 1},
    "figures/figure_07.pdf": SLICED | {"train": 5},
    # Fourteen methods and the proposed variant, and both networks trained alone, one of which teaches them; no variant else.
    "tables/table_10.csv": {"fetch": 2, "weights": 2, "prepare": 1, "prepare_masks": 1, "split": 2, "runs": 2}
    | {"train": 3 * (14 + 2 + 4), "evaluate": 4, "contrasts_of_methods": 2, "methods": 2, "results": 1},
    "tables/table_01.md": {"graphs": 1, "schemes": 1},
    "tables/table_06.html": {"networks": 1, "table": 1},
    "figures/figure_01.pdf": {"graphs": 1, "schemes": 1},
    "figures/figure_08.png": {"graphs": 1, "schemes": 1},
    # One seed of the variants that it shows; hard slices need both networks trained alone, one of them the offline teacher.
    "figures/figure_04.pdf": SLICED | {"train": 14},
    "figures/figure_05.pdf": SLICED | {"train": 6},
    "figures/figure_09.pdf": SLICED | {"train": 5},
    # All seeds: what the claim is about stands beside the maps.
    "figures/figure_06.pdf": DATA | {"train": 9, "similarity": 1, "figure": 1},
    "figures/figure_10.pdf": DATA | {"train": 30, "similarity": 3, "figure": 1},
    "figures/figure_11.png": DATA | {"train": 39, "similarity": 4, "figure": 1},
    "figures/curves_table_08.pdf": DATA | {"train": 45, "evaluate": 2, "results": 1},
    "figures/beside_table_04.pdf": MASKED | {"train": 42, "evaluate": 2, "results": 1},
    "figures/figure_04_ham10000_segmentation_resnet50-resnet18.pdf": SLICED | {"fetch": 2, "train": 14},
}


@pytest.mark.xdist_group("paper_plan")
@pytest.mark.parametrize("target", ALONE)
def test_one_target_needs_few_jobs_of_the_whole(paper_plan, target):
    assert paper_plan.counts(paper_plan.needed_for(f"results/{target}")) == ALONE[target]


@pytest.mark.parametrize("target", ["tables/table_10.csv", "figures/figure_10.pdf", "figures/figure_07.pdf"])
def test_one_target_builds_only_what_it_needs(tmp_path, target):
    assert job_counts(snakemake(tmp_path, "--cores", "2", "-n", f"results/{target}")) == ALONE[target]


@pytest.mark.parametrize("target", ["figures/figure_12.pdf", "tables/table_16.md", "tables/nothing.csv"])
def test_a_target_that_does_not_exist_is_named(tmp_path, target):
    done = snakemake(tmp_path, "--cores", "2", "-n", f"results/{target}")
    name = target.partition("/")[2].partition(".")[0]
    output = done.stdout + done.stderr
    assert done.returncode != 0 and f"'{name}' cannot be made by the experiment 'reproduction'" in output
    assert "table_03" in output or "figure_06" in output


STEPS = {
    "slices/figure_01.csv": "figure of slices 'figure_01'",
    "grid_search/paper/hcd/resnet50-resnet18/ml_v1/alpha-0.3-0.3/seed-0/run.json": "trial 'alpha-0.3-0.3'",
}


@pytest.mark.parametrize(("target", "what"), STEPS.items(), ids=STEPS)
def test_a_step_on_the_way_that_does_not_exist_is_named(tmp_path, target, what):
    done = snakemake(tmp_path, "--cores", "2", "-n", f"results/reproduction/{target}")
    output = done.stdout + done.stderr
    assert done.returncode != 0 and f"The {what} cannot be made by the experiment 'reproduction'" in output
    assert "What to do: add" in output and "KeyError" not in output


def test_real_small_plan(tmp_path, kaggle_archives, imagenet_weights):
    arguments = ("--cores", "2", "-n", "--configfile", "config.yaml", "tests/configs/real_small.yaml")
    counts = job_counts(snakemake(tmp_path, *arguments))
    assert counts["train"] == 12 + 5 + 10 + 1 + 14 and counts["weights"] == 3


def test_both_protocols_and_a_split_per_seed(tmp_path):
    config = (
        "run={protocols: [paper, grouped], tasks: [hcd], pairs: [resnet50-resnet18], techniques: [ml], methods: [sp]}"
    )
    counts = job_counts(snakemake(tmp_path, "--cores", "2", "-n", "--config", config, "split={per_seed: true}"))
    assert counts["split"] == 6 and counts["train"] == 2 * (3 * 3 + 2 * 3 + 3)


def test_nothing_to_run_with_ends_at_once_and_names_three_ways(tmp_path):
    started = time.monotonic()
    done = snakemake(tmp_path, "--cores", "8")
    output = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in output
    for way in ("a Kaggle token:", "--config archives=FOLDER", "uv run snakemake --profile profiles/demo"):
        assert output.count(way) == 1
    assert time.monotonic() - started < 60
    assert not (tmp_path / "results").exists()


def test_folder_without_archives_is_named(tmp_path):
    done = snakemake(tmp_path, "--cores", "2", "--config", f"archives={tmp_path}")
    assert done.returncode != 0 and re.search(r"lacks [\w-]+\.zip\. It holds no zip files", done.stderr)


def test_only_archives_that_a_target_needs_are_asked_for(tmp_path):
    """A folder with one archive is enough for its data set; another's is missed, and named alone."""
    (tmp_path / "mine").mkdir()
    draw_archive("lgg-mri-segmentation", tmp_path / "mine" / "lgg-mri-segmentation.zip", images=60, size=32, seed=0)

    def ask(target):
        config = f"archives={tmp_path / 'mine'}"
        return snakemake(tmp_path, "--cores", "1", f"results/reproduction/{target}", "--config", config)

    done = ask("archives/lgg-mri-segmentation.json")
    assert done.returncode == 0, done.stdout + done.stderr
    done = ask("data/hcd/report.json")
    assert done.returncode != 0 and "lacks histopathologic-cancer-detection.zip" in done.stderr
    assert "with histopathologic-cancer-detection.zip (or a folder" in done.stderr and "rename it" not in done.stderr


MISTAKES = {
    "misspelt key": ("trainning={epochs: 1}", ["trainning: unknown key", "did you mean 'training'"]),
    "unknown task": ("run={tasks: [brain]}", ["run.tasks: 'brain' is not defined"]),
    "misspelt method": ("run={methods: [fitnets]}", ["'fitnets' is not a method", "did you mean 'fitnet'"]),
    "methods without a place": ("run={methods_at: []}", ["run.methods_at: name the task/pair"]),
    "place of methods": ("run={methods_at: [hcd/resnet50]}", ["run.methods_at: 'resnet50' is not defined"]),
    "method named like a variant": ("methods={ml_v1: {method: sp}}", ["methods.ml_v1: this name is taken"]),
    "published name for another method": (
        "methods={sp: {method: at}}",
        ["methods.sp: this is the name of a published method"],
    ),
    "misspelt option of a method": (
        "methods={sp: {options: {wieght_similarity: 1}}}",
        ["methods.sp.options: sp has no option `wieght_similarity`", "weight_similarity, weighting"],
    ),
    "own method that is not there": (
        "methods={mine: {method: nowhere.py:Mine}} run={methods: [mine]}",
        ["nowhere.py cannot be read"],
    ),
    "weights that are not there": ("hyperparameters=nowhere.csv", ["nowhere.csv cannot be read"]),
    "nothing to train": (
        "run={techniques: [], baselines: false, methods: []}",
        ["run: nothing to train", "baselines: true"],
    ),
    "wrong type": ("training={epochs: many}", ["training.epochs", "'many'"]),
    "student without the paper's weights": (
        "networks={tiny: {timm: resnet10t, title: Tiny}} "
        "pairs={own: {teacher: resnet50, student: tiny}} run={pairs: [own], tasks: [hcd]}",
        ["no weights alpha, beta, gamma for the student 'tiny'", "stands_for"],
    ),
}


@pytest.mark.parametrize("weights", ["even", "h.csv"])
def test_own_student_on_an_own_task_can_be_searched(tmp_path, weights):
    """With weights in a file of one's own, or without any: the paper has none for it."""
    if weights == "h.csv":
        (tmp_path / weights).write_text(
            "dataset,task,student,technique,strategy,alpha,alpha_prime,beta,beta_prime,gamma,gamma_prime\n"
            "hcd,my_hcd,tiny,ml,v1,0.5,0.5,0,0,0.5,0.5\nhcd,my_hcd,tiny,kd_off,v1,0.5,0.5,0.5,0.5,0,0\n"
        )
        weights = tmp_path / weights
    task = "{title: Mine, dataset: hcd, kind: classification, classes: [normal, metastasis]}"
    config = (
        f"hyperparameters={weights}",
        f"tasks={{my_hcd: {task}}}",
        "networks={tiny: {timm: resnet10t, title: Tiny}}",
        "pairs={own: {teacher: resnet50, student: tiny}}",
        "run={tasks: [my_hcd], pairs: [own], techniques: [ml, kd_off], strategies: [v1], seeds: [0]}",
    )
    counts = job_counts(snakemake(tmp_path, "--cores", "2", "-n", "grid_search", "--config", *config))
    assert (counts["train_trial"], counts["train"], counts["search_best"]) == (2 * 9, 1, 1)


@pytest.mark.parametrize(("config", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_the_configuration_end_with_a_message(tmp_path, config, words):
    done = snakemake(tmp_path, "--cores", "2", "-n", "--config", *re.split(r" (?=\w+=)", config))
    output = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in output
    assert all(word in output for word in words), output


def test_a_key_that_stands_twice_in_a_file_is_named(tmp_path):
    """Snakemake would take the last in silence."""
    (tmp_path / "mine.yaml").write_text("experiment: mine\ntraining:\n  epochs: 1\n  epochs: 200\n")
    done = snakemake(tmp_path, "--cores", "2", "-n", "--configfile", ROOT / "config.yaml", tmp_path / "mine.yaml")
    output = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in output
    assert "mine.yaml, line 4 is not valid YAML: the key 'epochs' stands here and in line 3 already" in output


def test_a_table_that_nothing_fills_is_named(tmp_path):
    done = snakemake(tmp_path, *DEMO, "results/tables/table_15.md")
    output = done.stdout + done.stderr
    assert done.returncode != 0 and "'table_15' cannot be made by the experiment 'demo'" in output


def test_default_profile_sets_cores_and_keeps_going(tmp_path):
    """It is read without being named: no --cores needed."""
    done = snakemake(tmp_path, "results/tables/table_02.md", "-n", "--configfile", "profiles/demo/experiment.yaml")
    assert job_counts(done)["train"] == 4


def test_export_needs_every_run_of_its_place_and_no_table(tmp_path):
    counts = job_counts(snakemake(tmp_path, *DEMO, "export"))
    assert (counts["export_place"], counts["train"], counts["export"]) == (2, 29, 1)
    assert not {"table", "figure", "evaluate", "similarity", "all"} & counts.keys()
    one = job_counts(snakemake(tmp_path, *DEMO, "results/demo/export/paper/hcd/small.zip"))
    assert (one["export_place"], one["train"]) == (1, 15) and "export" not in one


def test_export_is_no_part_of_all(tmp_path):
    assert not {"export", "export_place"} & job_counts(snakemake(tmp_path, *DEMO)).keys()


@pytest.mark.bad_input
def test_export_without_its_packages_is_refused_at_planning(tmp_path):
    """The packages are hidden from a Python that begins anew."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'onnxruntime' else find(name, package)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "--directory", tmp_path, *DEMO[2:], "export", "--configfile", ROOT / "profiles/demo/experiment.yaml"],
        env=clean_environment(tmp_path) | {"PYTHONPATH": str(tmp_path)}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "needs the package onnxruntime" in said and "uv sync --extra export" in said, said
