"""A small experiment for tests: the whole chain of the demo with less of everything."""

import shutil
from pathlib import Path
from subprocess import CompletedProcess

from snakemake_runs import ROOT, snakemake

# Three students of a user's own beside one of the paper's variants; published methods and one from a file.
MINIATURE = """
experiment: miniature
description: A test.
archives: demo
run:
  tasks: [hcd, lgg]
  pairs: [small]
  techniques: [kd_off]
  strategies: [v3]
  own_variants: [circle]
  methods: [sp, cwd, rkd]
  methods_at: [hcd/small, lgg/small]
  seeds: [0]
datasets:
  hcd: {image_size: 32, demo_images: 60, subset: 60}
  lgg: {image_size: 32, demo_images: 60}
  ham10000: {image_size: 32, demo_images: 120}
training: {batch_size: 8, learning_rate: 1.0e-3, device: cpu, threads: 1}
tasks:
  hcd: {training: {epochs: 1}}
  lgg: {training: {epochs: 1}}
methods:
  rkd: {method: "docs/examples/rkd.py:RKD", title: Relations, tasks: [hcd], options: {tap: f3}}
grid_search: {alpha: [0.3]}
variants:
  circle:
    teacher: none
    supervised: {s1: 0.5, s2: 0.5, s3: 0.5}
    edges:
      - {source: s1, learner: s2, knowledge: features, weight: 0.5}
      - {source: s2, learner: s3, knowledge: predictions, weight: 0.5}
      - {source: s3, learner: s1, knowledge: predictions, weight: 0.5}
networks:
  teacher_small:
    {timm: resnet18, title: T, options: {channels: [8, 12, 16, 24]}, decoder_channels: [16, 8, 8, 8, 8], stands_for: resnet50}
  student_small:
    {timm: resnet18, title: S, options: {channels: [8, 8, 8, 16]}, decoder_channels: [16, 8, 8, 8, 8], stands_for: resnet18}
pairs:
  small: {teacher: teacher_small, student: student_small}
"""


def copy_project(folder: Path) -> Path:
    """Copy what the workflow consists of, so that a test may edit it."""
    for name in ("workflow", "src", "profiles", "envs", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder)
    return folder


def run(folder: Path, *arguments: str) -> CompletedProcess:
    """Call Snakemake on the experiment in a folder that holds its configuration; with the project copied beside it, if it is."""
    beside = folder.with_name("project")
    root = beside if beside.exists() else ROOT
    return snakemake(folder, "--cores", "2", *arguments, "--configfile", folder / "miniature.yaml", root=root)
