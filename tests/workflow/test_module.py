"""Another workflow uses this one as a module, with a configuration of its own and rules under other names."""

import json

import pytest
import yaml
from snakemake_runs import ROOT, job_counts, snakemake

SNAKEFILE = f"""
configfile: "own.json"

module kdml:
    snakefile: "{ROOT / "Snakefile"}"
    config: config["kdml"]

use rule * from kdml as kdml_*

rule mine:
    default_target: True
    input: "results/index.html"
"""


@pytest.fixture
def workflow(tmp_path):
    """Folder of the other workflow."""
    demo = yaml.safe_load((ROOT / "profiles/demo/experiment.yaml").read_text())
    (tmp_path / "own.json").write_text(json.dumps({"kdml": demo, "seeds": "not a key of ours"}))
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    return tmp_path


def test_the_demo_runs_under_other_names(workflow):
    counts = job_counts(snakemake(workflow, "--cores", "2", "-n", "kdml_all", root=workflow))
    alone = job_counts(snakemake(workflow, "--cores", "2", "-n", "--configfile", "profiles/demo/experiment.yaml"))
    assert counts == {f"kdml_{rule}": count for rule, count in alone.items()} and counts["kdml_train"] == 29


def test_a_figure_is_made(workflow):
    done = snakemake(workflow, "--cores", "1", "results/figures/figure_01.pdf", root=workflow)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (workflow / "results/figures/figure_01.pdf").read_bytes().startswith(b"%PDF")
