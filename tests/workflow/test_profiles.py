"""Profiles name rules that exist, and give every rule that is submitted what it needs."""

import re

import yaml
from snakemake_runs import ROOT

PROFILES = sorted((ROOT / "profiles").glob("*/config.yaml"))


def rules() -> set[str]:
    text = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    return set(re.findall(r"^rule (\w+):", text, flags=re.M)) | set(
        re.findall(r"^use rule \w+ as (\w+)", text, flags=re.M)
    )


def test_profiles_name_only_rules_that_exist():
    """Snakemake ignores others in silence."""
    for path in PROFILES:
        profile = yaml.safe_load(path.read_text())
        named = profile.get("set-threads", {}).keys() | profile.get("set-resources", {}).keys()
        assert named <= rules(), path


def test_slurm_profile_gives_each_submitted_rule_what_it_needs():
    given = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["set-resources"]
    for rule in ("train", "train_trial", "similarity"):
        assert given[rule]["gpu"] == 1 and given[rule]["cpus_per_task"] > 1, rule
    assert "--exclusive" in given["networks"]["slurm_extra"]  # latency is measured while nothing else runs
    for rule in ("train", "train_trial", "similarity", "prepare", "prepare_masks", "evaluate", "fidelity", "networks"):
        assert {"mem_mb", "runtime"} <= given[rule].keys(), rule
