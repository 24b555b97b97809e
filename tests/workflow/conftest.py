"""Plans that several tests look at, each made once."""

import re

import pytest
from snakemake_runs import ROOT, Plan, snakemake

ON_REQUEST = "results/figures/figure_04_ham10000_segmentation_resnet50-resnet18.pdf"


@pytest.fixture(scope="session")
def paper_plan(tmp_path_factory) -> Plan:
    """The paper's whole experiment, and a figure that is made on request alone; tests that use it belong to the xdist group `paper_plan`."""
    folder = tmp_path_factory.mktemp("paper")
    return Plan(snakemake(folder, "--cores", "8", "-n", "-p", "all", ON_REQUEST))


@pytest.fixture(scope="session")
def local_rules() -> set[str]:
    """Names of rules that run where Snakemake does, as the rule files say."""
    found = set()
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"\n(?=(?:use )?rule )", path.read_text()):
            if "localrule: True" in rule:
                found.add(re.search(r"rule (\w+)", rule)[1])
    return found
