"""A small experiment for tests: the whole chain of the demo with less of everything."""

import json
import os
import shutil
from pathlib import Path
from subprocess import CompletedProcess

from snakemake_runs import ROOT, snakemake

# Words that a shell, a format string, Markdown or LaTeX would take apart.
NASTY = r"""a {b} $(touch hacked) `touch hacked` 'x' "y" \ | *c* _d_ <e> & %s ümlaut"""
OWN_TITLE = 'Bob\'s {tumours} & $(touch hacked) | "mine"'
# Three students of a user's own beside one of the paper's variants; published methods and one from a file; and a task of a user's own,
# whose student stands for none of the paper's.
MINIATURE = f"""
experiment: miniature
description: {json.dumps(NASTY)}
archives: demo
run:
  tasks: [hcd, lgg, mine]
  pairs: [small, own]
  techniques: [kd_off]
  strategies: [v3]
  own_variants: [circle]
  variants_for: {{mine/own: [circle]}}
  methods: [sp, cwd, rkd]
  methods_at: [hcd/small, lgg/small]
  seeds: [0]
datasets:
  hcd: {{image_size: 32, demo_images: 60, subset: 60}}
  lgg: {{image_size: 32, demo_images: 60}}
  ham10000: {{image_size: 32, demo_images: 120}}
training: {{batch_size: 8, learning_rate: 1.0e-3, device: cpu, threads: 1}}
tasks:
  hcd: {{training: {{epochs: 1}}}}
  lgg: {{training: {{epochs: 1}}}}
  mine: {{title: {json.dumps(OWN_TITLE)}, dataset: hcd, kind: classification, classes: [normal, metastasis], training: {{epochs: 1}}}}
methods:
  rkd: {{method: "docs/examples/rkd.py:RKD", title: Relations, tasks: [hcd], options: {{tap: f3}}}}
grid_search: {{alpha: [0.3]}}
variants:
  circle:
    teacher: none
    supervised: {{s1: 0.5, s2: 0.5, s3: 0.5}}
    edges:
      - {{source: s1, learner: s2, knowledge: features, weight: 0.5}}
      - {{source: s2, learner: s3, knowledge: predictions, weight: 0.5}}
      - {{source: s3, learner: s1, knowledge: predictions, weight: 0.5}}
networks:
  teacher_small:
    {{timm: resnet18, title: T, options: {{channels: [8, 12, 16, 24]}}, decoder_channels: [16, 8, 8, 8, 8], stands_for: resnet50}}
  student_small:
    {{timm: resnet18, title: S, options: {{channels: [8, 8, 8, 16]}}, decoder_channels: [16, 8, 8, 8, 8], stands_for: resnet18}}
  student_own:
    {{timm: resnet18, title: Own, options: {{channels: [8, 8, 16, 16]}}, decoder_channels: [16, 8, 8, 8, 8]}}
pairs:
  small: {{teacher: teacher_small, student: student_small, tasks: [hcd, lgg]}}
  own: {{teacher: teacher_small, student: student_own, tasks: [mine]}}
"""


def copy_project(folder: Path) -> Path:
    """Copy what the workflow consists of, so that a test may edit it."""
    for name in ("workflow", "src", "profiles", "envs", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder)
    return folder


def copy_run(chain: Path, folder: Path) -> Path:
    """Copy a finished run, with its project beside it, for a test that changes it; large files are links to the same content.

    What Snakemake and the scripts make again they write anew beside the old, but for logs and Snakemake's own notes.
    """
    copy = folder / "chain"
    for name in ("results", "resources"):
        shutil.copytree(chain / name, copy / name, copy_function=os.link)
    for name in (".snakemake", "logs"):
        shutil.copytree(chain / name, copy / name)
    shutil.copy(chain / "miniature.yaml", copy)
    copy_project(folder / "project")
    return copy


def run(folder: Path, *arguments: str, root: Path | None = None) -> CompletedProcess:
    """Call Snakemake on the experiment in a folder that holds its configuration, with the project that was copied beside it."""
    files = ("--configfile", folder / "miniature.yaml")
    return snakemake(folder, "--cores", "2", *arguments, *files, root=root or folder.with_name("project"))
