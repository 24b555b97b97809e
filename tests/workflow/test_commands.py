"""What reaches a shell: short however many runs there are, and every word of a configuration whole."""

import json
import re
import shlex

import pytest
import yaml
from miniature import MINIATURE, NASTY
from snakemake_runs import ROOT, Plan, snakemake

LONGEST = 20_000  # characters; Linux takes 131,072 in one argument
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
UNQUOTED = {"params.program", "threads"}  # quoted where it is made; a number
PATH_WORDS = r"""Bob's $(touch hacked) {w} \ ü "x" *"""


def test_no_command_grows_with_the_runs(tmp_path):
    run = {
        "tasks": ["hcd", "lgg"],
        "pairs": ["resnet50-resnet18"],
        "protocols": ["paper", "grouped"],
        "techniques": ["kd_ml"],
        "strategies": ["v3"],
        "methods": [],
        "seeds": list(range(100)),
    }
    config = (f"run={json.dumps(run)}", f"split={json.dumps({'per_seed': True})}")
    plan = Plan(snakemake(tmp_path, "--cores", "2", "-n", "-p", "--config", *config))
    assert plan.counts()["train"] == 100 * 2 * 2 * (2 + 1) and plan.counts()["split"] == 400
    commands = [job.command for job in plan.jobs if job.command]
    assert len(commands) > 600 and max(map(len, commands)) < LONGEST


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_placeholder_of_a_command_is_quoted(path):
    commands = re.findall(r"^    shell:\n((?:        .*\n?)+)", path.read_text(), flags=re.M)
    found = [name for command in commands for name in re.findall(r"\{([^{}]*)\}", command)]
    assert {name for name in found if not name.endswith(":q")} <= UNQUOTED
    if path.name in ("train.smk", "analyse.smk", "report.smk"):
        assert len(found) > 10


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    """A configuration of nasty words and paths, and the folder that it is in."""
    folder = tmp_path_factory.mktemp("nasty")
    away = folder / PATH_WORDS
    away.mkdir()
    for name in ("w.safetensors", "slides.csv"):
        (away / name).write_text("id,wsi\n")
    config = yaml.safe_load(MINIATURE)
    config["archives"] = str(away)
    config["datasets"]["hcd"]["slides"] = str(away / "slides.csv")
    config["weights"] = {
        "own": {"timm": None, "path": str(away / "w.safetensors"), "note": NASTY, "mean": [0.5] * 3, "std": [0.2] * 3}
    }
    config["networks"]["teacher_small"] |= {"weights": "own", "title": NASTY}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def call(folder, *arguments):
    return snakemake(folder, "--cores", "2", *arguments, "--configfile", folder / "config.json")


ARCHIVE = "histopathologic-cancer-detection"


def test_words_of_a_configuration_stay_whole_in_every_command(nasty):
    """Archives that are there need no job, so they are drawn for the others."""
    drawn = nasty / "drawn.json"
    drawn.write_text((nasty / "config.json").read_text().replace(json.dumps(str(nasty / PATH_WORDS)), '"demo"', 1))
    plan = Plan(snakemake(nasty, "--cores", "2", "-n", "-p", "--configfile", drawn))
    words = {job.rule: shlex.split(job.command) for job in plan.jobs if job.command}
    assert {"train", "weights", "prepare", "networks", "results", "table", "figure", "schemes", "index"} <= words.keys()
    away = f"{PATH_WORDS}/w.safetensors"
    assert [word for word in words["weights"] if word.endswith(away)]
    assert [word for word in words["prepare"] if word.endswith(f"{PATH_WORDS}/slides.csv")]
    for rule in ("results", "table", "figure", "schemes", "index"):
        assert any(word.startswith("--note=") and NASTY in word for word in words[rule]), rule
    for rule, parts in words.items():
        assert "hacked" not in parts and "touch" not in parts and "$(touch" not in parts, rule


def test_tables_and_figures_of_nasty_words_are_made_and_nothing_is_run(nasty):
    done = call(nasty, "results/figures/figure_01.pdf", "results/tables/table_01.md")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (nasty / "results/figures/figure_01.pdf").read_bytes().startswith(b"%PDF")
    assert "ümlaut" in (nasty / "results/tables/table_01.md").read_text()
    assert not list(nasty.rglob("hacked")) and not (ROOT / "hacked").exists()


def test_no_text_of_a_configuration_is_a_pattern(nasty, tmp_path):
    """A parameter that is a plain text is formatted with wildcards by Snakemake: configured text comes from functions alone."""
    (tmp_path / "Snakefile").write_text(
        f'include: "{ROOT / "Snakefile"}"\n'
        "for rule in workflow.rules:\n"
        "    for name, value in rule.params.items():\n"
        "        for one in value if isinstance(value, list) else [value]:\n"
        "            if isinstance(one, str):\n"
        '                print(f"PLAIN {rule.name} {name} {one}")\n'
    )
    done = snakemake(nasty, "-s", tmp_path / "Snakefile", "--list-rules", "--configfile", nasty / "config.json")
    assert done.returncode == 0, done.stdout + done.stderr
    plain = re.findall(r"^PLAIN (\w+) (\w+) (.*)$", done.stdout + done.stderr, flags=re.M)
    assert ("claims", "protocols", "paper") in plain
    assert {text for _, name, text in plain if name != "code"} <= {
        "paper",
        "auto",
    }
