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
def local_rules(tmp_path_factory) -> set[str]:
    """Names of rules that run where Snakemake does, as Snakemake sees them."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "Snakefile").write_text(
        f'include: "{ROOT / "Snakefile"}"\n'
        "for rule in workflow.rules:\n"
        "    if rule.name in workflow._localrules or rule.norun:\n"
        '        print(f"LOCAL {rule.name}")\n'
    )
    done = snakemake(folder, "-s", folder / "Snakefile", "--list-rules")
    assert done.returncode == 0, done.stdout + done.stderr
    return set(re.findall(r"^LOCAL (\w+)$", done.stdout + done.stderr, flags=re.M))
