"""A task and a student of the user's own have every table and figure that the paper's have, by the name of their place."""

import json

import pytest
from snakemake_runs import Plan, snakemake

CONFIG = {
    "hyperparameters": "even",
    "tasks": {
        "mine": {
            "title": "Bob's {tumours}",
            "dataset": "hcd",
            "kind": "classification",
            "classes": ["normal", "metastasis"],
        }
    },
    "networks": {"tiny": {"timm": "resnet10t", "title": "Tiny"}},
    "pairs": {"own": {"teacher": "resnet50", "student": "tiny"}},
    "run": {"tasks": ["mine"], "pairs": ["own"], "seeds": [0, 1], "methods": ["sp"], "methods_at": ["mine/own"]},
}
TABLES = (
    "results_mine_own",
    "fidelity_mine_own",
    "baselines_mine",
    "contrasts",
    "table_10",
    "similarity",
    "compression",
)
FIGURES = (
    *(f"{kind}_{table}" for kind in ("beside", "curves", "runs") for table in ("results_mine_own", "baselines_mine")),
    "beside_fidelity_mine_own", "compression_mine_own", "figure_06", "figure_10", "figure_11",
)  # fmt: skip
PLACE = "results/reproduction/paper/mine/own"


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.json").write_text(json.dumps(CONFIG))
    return Plan(snakemake(folder, "--cores", "2", "-n", "-p", "--configfile", folder / "own.json"))


def test_everything_is_made_of_a_place_of_ones_own(plan):
    wanted = {f"results/tables/{name}.{suffix}" for name in TABLES for suffix in ("csv", "md", "tex", "html")}
    wanted |= {f"results/figures/{name}.{suffix}" for name in FIGURES for suffix in ("pdf", "png")}
    wanted |= {f"{PLACE}/{name}.csv" for name in ("contrasts", "contrasts_methods", "similarity", "compression")}
    wanted |= {f"{PLACE}/{sheet}/values.csv" for sheet in ("variants", "methods", "alone", "teacher", "fidelity")}
    assert wanted <= plan.makers.keys()
    assert not any(name in path for path in plan.makers for name in ("table_03", "table_08", "table_02"))


def test_all_its_runs_are_behind_its_table(plan):
    made = plan.counts(plan.needed_for("results/tables/results_mine_own.md"))
    assert made["train"] == 2 * (12 + 1 + 2) and made["results"] == 1
    page = plan.makers["results/index.html"]
    assert {"results/tables/results_mine_own.html", "results/figures/runs_results_mine_own.png"} <= set(page.inputs)
