"""A data set of the user's own whose masks have several classes, from its configuration to the page and to masks of other pictures."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from miniature import copy_project
from own_files import MILLIMETRES, SHAPES, shapes, written
from PIL import Image
from scipy.spatial.distance import cdist
from snakemake_runs import snakemake

from kdml.runs.predictions import classes_of, load

pytestmark = pytest.mark.xdist_group("several_classes")
SIZE, PICTURES, SEEDS = 32, 48, (0, 1)
CONFIGURATION = f"""
experiment: shapes
description: Shapes, drawn
datasets:
  shapes:
    source: my/shapes
    table: list.csv
    image: file
    mask: mask
    group: patient
    spacing: mm
    image_size: {SIZE}
    mask_values: {json.dumps(SHAPES)}
tasks:
  shapes: {{title: Shapes, dataset: shapes, kind: segmentation, classes: {json.dumps([*SHAPES])}}}
networks:
  larger: {{timm: resnet18, title: T, options: {{channels: [8, 12, 16, 24], layers: [1, 1, 1, 1]}}, decoder_channels: [16, 8, 8, 8, 8]}}
  smaller: {{timm: resnet18, title: S, options: {{channels: [8, 8, 8, 16], layers: [1, 1, 1, 1]}}, decoder_channels: [16, 8, 8, 8, 8]}}
pairs:
  small: {{teacher: larger, student: smaller}}
run: {{tasks: [shapes], pairs: [small], techniques: [kd_ml], strategies: [v3], baselines: false, methods: [], seeds: {[*SEEDS]}}}
hyperparameters: even
training: {{epochs: 3, learning_rate: 1.0e-2, device: cpu, threads: 1}}
split: {{fractions: [0.5, 0.2, 0.3]}}
similarity: {{batch: 8}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the data, in which all results and the exported folder were made."""
    folder = copy_project(tmp_path_factory.mktemp("shapes") / "project")
    written(folder / "my/shapes", shapes(PICTURES, SIZE))
    (folder / "my/shapes.yaml").write_text(CONFIGURATION)
    targets = ("all", "check_data", "export")
    done = snakemake(folder, *targets, "--cores", "2", "--configfile", "my/shapes.yaml", root=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def place(project):
    return project / "results/shapes/grouped/shapes/small"


def values_of(place, sheet="variants"):
    rows = csv.DictReader((place / sheet / "values.csv").open())
    return {(row["network"], row["truth"], row["metric"]): row for row in rows}


def test_scores_are_those_of_the_stored_masks(project, place):
    """Means over seeds and classes, and each class, from the predictions themselves."""
    index = csv.DictReader((place.parent / "split-0.csv").open())
    test = [int(row["row"]) for row in index if row["part"] == "test"]
    truth = np.load(project / "results/shapes/data/shapes/masks.npy")[test]
    ious = []
    for seed in SEEDS:
        stored = load(place / f"kd_ml_v3/seed-{seed}/predictions.npz")
        assert stored.rows.tolist() == test and stored.outputs["s1"].shape[1] == 1 + len(SHAPES)
        named = classes_of(stored.outputs["s1"])
        both = [((named == c) & (truth == c)).sum() / ((named == c) | (truth == c)).sum() for c in range(1, 4)]
        ious.append([100 * one for one in both])
    values = values_of(place)
    assert float(values["s1", "label", "iou"]["mean"]) == pytest.approx(np.mean(ious), abs=1e-3)
    for number, name in enumerate(SHAPES, 1):
        row = values["s1", "label", f"iou_of_class_{number}"]
        assert float(row["mean"]) == pytest.approx(np.mean(ious, axis=0)[number - 1], abs=1e-3), name
        assert float(row["low"]) <= float(row["mean"]) <= float(row["high"])
    assert values["s1", "label", "iou"]["groups"] == str(len({n // 2 for n in test} & set(range(PICTURES))))


def test_distances_are_in_millimetres_of_the_table(project, place):
    """Mean over the classes that an image has of what all pairs of pixels of both outlines are apart, then over images and seeds."""
    split = csv.DictReader((place.parent / "split-0.csv").open())
    tested = [(int(row["row"]), row["id"]) for row in split if row["part"] == "test"]
    truth = np.load(project / "results/shapes/data/shapes/masks.npy")[[row for row, _ in tested]]
    far, met = [], []
    for seed in SEEDS:
        named = classes_of(load(place / f"kd_ml_v3/seed-{seed}/predictions.npz").outputs["s1"])
        for true, predicted, (_, name) in zip(truth, named, tested, strict=True):
            sizes = [float(size) for size in MILLIMETRES[int(Path(name).stem) % 2].split()]
            of_classes = [
                apart(true == c, predicted == c, np.resize(sizes, 2)) for c in range(1, 4) if (true == c).any()
            ]
            if of_classes:
                far.append(np.mean([one for one, _ in of_classes]))
                met.append(np.mean([one for _, one in of_classes]))
    values = values_of(place)
    assert float(values["s1", "label", "hd95_mm"]["mean"]) == pytest.approx(np.mean(far), abs=1e-3)
    assert float(values["s1", "label", "nsd_mm"]["mean"]) == pytest.approx(100 * np.mean(met), abs=1e-3)
    assert not {"hd95", "nsd"} & {metric for _, _, metric in values}
    assert "HD95 (mm)" in (project / "results/tables/clinic.md").read_text()


def apart(true, predicted, sizes):
    """HD95 and the share of both outlines within 2 mm of the other."""
    if not predicted.any():
        return np.hypot(*(SIZE * sizes)), 0
    outlines = []
    for mask in (true, predicted):
        around = np.pad(mask, 1)
        inside = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
        outlines.append(np.argwhere(mask & ~inside) * sizes)
    distances = cdist(*outlines)
    away = [distances.min(axis=1), distances.min(axis=0)]
    return max(np.percentile(one, 95) for one in away), (np.concatenate(away) <= 2).mean()


def test_everything_is_measured_that_is_of_masks_of_one_class(place):
    metrics = {metric for _, truth, metric in values_of(place) if truth == "label"}
    assert metrics >= {
        "iou",
        "f_score",
        "iou_per_image",
        "iou_per_group",
        "sensitivity",
        "specificity",
        "balanced_accuracy",
    }
    assert metrics >= {"false_regions", "found_small", "brier", "ece", "aurc", "aurc_disagreement", "found_of_class_3"}
    taught = {metric for _, _, metric in values_of(place, "fidelity")}
    assert taught >= {"iou", "f_score", "predictive_kl", "agreement_where_right", "agreement_where_wrong"}
    regions = pd.read_parquet(place / "variants/regions.parquet")
    assert set(regions["class"]) == {1, 2, 3}
    confusion = list(csv.DictReader((place / "variants/confusion.csv").open()))
    assert {row["true"] for row in confusion} == {row["predicted"] for row in confusion} == {"background", *SHAPES}
    assert (place / "similarity.csv").is_file()


def test_tables_and_figures_are_on_the_page(project):
    page = (project / "results/index.html").read_text()
    for name in (
        "results_shapes_small",
        "clinic",
        "clinic_reliability",
        "clinic_referral",
        "detection",
        "similarity",
        "fidelity_shapes_small",
        "figure_05",
    ):
        assert f'id="item-{name}"' in page, name
    clinic = (project / "results/tables/clinic.md").read_text()
    assert "Means over 3 classes of pixels, each against the rest" in clinic
    assert all(f"| {name} |" in clinic for name in SHAPES)
    described = next(csv.DictReader((project / "results/shapes/slices/figure_05.csv").open()))
    assert described["classes"] == "disc;ring;bar"


def test_the_check_says_what_masks_hold(project):
    (found,) = json.loads((project / "results/shapes/check_data.json").read_text())
    assert [one["class"] for one in found["mask_classes"]] == ["background", *SHAPES]
    page = (project / "results/shapes/check_data.html").read_text()
    assert "Classes of the masks" in page and 'row">ring</th>' in page
    assert "0.25 to 0.5 mm down, 0.25 to 2 mm across" in page


def test_the_exported_student_writes_masks_with_the_values_of_the_training(project, tmp_path):
    folder = project / "results/shapes/export/grouped/shapes/small"
    facts = json.loads((folder / "export.json").read_text())
    assert facts["mask_values"] == [0, *SHAPES.values()] and facts["classes"] == [*SHAPES]
    assert all(one["parity"]["changed"] == one["parity"]["pixels_otherwise"] == 0 for one in facts["models"].values())
    card = (folder / "README.md").read_text()
    assert "0 background, 1 disc, 2 ring, 3 bar" in card and "IoU, ring" in card
    pictures = {name: content for name, content in shapes(6, 50, seed=1).items() if name.startswith("pictures/")}
    command = [sys.executable, folder / "predict.pyz", written(tmp_path / "new", pictures), "--out", tmp_path / "out"]
    subprocess.run(command, check=True, capture_output=True)
    rows = list(csv.DictReader((tmp_path / "out/predictions.csv").open()))
    assert len(rows) == 6 and {"dice_of_students", *(f"pixels_of_{name}" for name in SHAPES)} <= rows[0].keys()
    for row in rows:
        mask = np.asarray(Image.open(io.BytesIO((tmp_path / f"out/masks/{row['file']}.png").read_bytes())))
        assert mask.shape == (50, 50) and set(np.unique(mask)) <= {0, *SHAPES.values()}
        assert {name: int(row[f"pixels_of_{name}"]) for name in SHAPES} == {
            name: int((mask == value).sum()) for name, value in SHAPES.items()
        }
    assert any(int(row["marked_pixels"]) for row in rows)
