"""Profiles name rules that exist; what a job needs stands in its rule, whatever a profile or the command line says."""

import re

import pytest
import yaml
from snakemake_runs import ROOT, snakemake

PROFILES = sorted((ROOT / "profiles").glob("*/config.yaml"))
SLURM = ROOT / "profiles/slurm/config.yaml"
RUN = "results/reproduction/paper/hcd/resnet18/baseline/seed-0/run.json"
ON_A_GPU = ("train", "train_trial", "similarity")


def rules() -> set[str]:
    text = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    return set(re.findall(r"^rule (\w+):", text, flags=re.M)) | set(
        re.findall(r"^use rule \w+ as (\w+)", text, flags=re.M)
    )


def resources_of(folder, *arguments) -> dict[str, str]:
    """Resources of the planned jobs, as Snakemake writes them, by rule."""
    done = snakemake(folder, "-n", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    blocks = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", done.stdout + done.stderr, flags=re.M)
    return {rule: re.search(r"resources: (.*)", block)[1] for rule, block in blocks}


def printed(folder, code: str, environment=None, config="{}") -> list[str]:
    """Lines that code at the end of the Snakefile prints."""
    (folder / "mine.yaml").write_text(config)
    lines = (f"configfile: '{folder}/mine.yaml'", f"include: '{ROOT / 'Snakefile'}'", code)
    (folder / "Snakefile").write_text("\n".join(lines) + "\n")
    done = snakemake(folder, "-s", folder / "Snakefile", "--list-rules", environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"^SAID (.*)$", done.stdout + done.stderr, flags=re.M)


def test_profiles_name_only_rules_that_exist():
    """Snakemake ignores others in silence."""
    for path in PROFILES:
        text = path.read_text()
        profile = yaml.safe_load(text)
        commented = re.findall(r"^#   (\w+): [&*]", text, flags=re.M)
        named = profile.get("set-threads", {}).keys() | profile.get("set-resources", {}).keys() | set(commented)
        assert named <= rules(), path
    assert set(ON_A_GPU) <= set(re.findall(r"^#   (\w+): [&*]", SLURM.read_text(), flags=re.M))


def test_every_submitted_rule_says_what_it_needs(tmp_path, local_rules):
    said = printed(tmp_path, "for rule in workflow.rules: print('SAID', rule.name, *rule.resources)")
    needs = {name: set(found) for name, *found in map(str.split, said)}
    submitted = needs.keys() - local_rules
    assert submitted >= {"train", "similarity", "prepare", "evaluate", "networks"}
    for rule in submitted:
        assert {"mem_mb", "runtime"} <= needs[rule], rule
        assert ("gpu" in needs[rule]) == (rule in ON_A_GPU), rule


def test_one_resource_on_the_command_line_leaves_the_others(tmp_path):
    assert (ROOT / "slurm").is_symlink() and (ROOT / "slurm/config.yaml").is_file()
    said = resources_of(tmp_path, "--profile", "slurm", "--set-resources", "train:runtime=7", "--", RUN)["train"]
    for wanted in ("gpu=1", "mem_mb=24000", "runtime=7", "cpus_per_task=8", "slurm_extra=--signal=TERM@120"):
        assert wanted in said, said


def test_account_and_partitions_wait_in_the_slurm_profile(tmp_path):
    text = SLURM.read_text()
    for line in ("slurm_account: mine", "slurm_partition: cpu"):
        assert f"  # {line}\n" in text
        text = text.replace(f"# {line}", line)
    text, block = text.split("# set-resources:")
    block = block.replace("\n#   ", "\n  ").replace("# slurm_partition", "slurm_partition")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.yaml").write_text(f"{text}set-resources:{block}")
    said = resources_of(tmp_path, "--profile", tmp_path / "mine", RUN)
    for rule, partition, runtime in (("train", "gpu", 1440), ("prepare", "cpu", 120)):
        for wanted in (f"slurm_partition={partition}", "slurm_account=mine", f"runtime={runtime}"):
            assert wanted in said[rule], (rule, said[rule])


@pytest.mark.parametrize(("device", "gpu", "cores"), [("auto", 1, 8), ("cuda", 1, 8), ("cpu", 0, 2)])
def test_a_gpu_is_asked_for_where_one_is_used(tmp_path, device, gpu, cores):
    config = f"training={{device: {device}, threads: 2}}"
    said = resources_of(tmp_path, "--cores", "8", "--config", config, "--", RUN)["train"]
    assert f"gpu={gpu}," in said and f"cpus_per_task={cores}," in said, said


@pytest.mark.parametrize(
    ("per_gpu", "given", "places"), [(1, None, "2"), (3, None, "6"), (2, "1", "2"), (1, "", "None")]
)
def test_places_on_the_gpus_of_a_machine_limit_trainings(tmp_path, monkeypatch, per_gpu, given, places):
    """As many as were said, on make-believe GPUs, however many cores there are."""
    program = tmp_path / "bin/nvidia-smi"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor i in 0 1; do echo "GPU $i: Make-Believe (UUID: GPU-$i)"; done\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    environment = {} if given is None else {"CUDA_VISIBLE_DEVICES": given}
    code = "deal_out(); print('SAID', workflow.global_resources.get('gpu').value)"
    assert printed(tmp_path, code, environment, f"trainings_per_gpu: {per_gpu}") == [places]
