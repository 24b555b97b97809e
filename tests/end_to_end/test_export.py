"""Trained students, from Snakemake to a folder that predicts pictures on its own: they say what their runs said."""

import csv
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from miniature import run
from PIL import Image

from kdml.data.originals import Originals
from kdml.runs import predictions

PLACES = {"hcd": "histopathologic-cancer-detection", "lgg": "lgg-mri-segmentation"}


@pytest.fixture(scope="module")
def taken(own_copy):
    """Folders that were made and unpacked elsewhere, by task."""
    zips = {task: f"results/miniature/export/paper/{task}/small.zip" for task in PLACES}
    done = run(own_copy, *zips.values())
    assert done.returncode == 0, done.stdout + done.stderr
    elsewhere = own_copy.parent / "elsewhere"
    for task, name in zips.items():
        with zipfile.ZipFile(own_copy / name) as file:
            file.extractall(elsewhere / task)
    return own_copy, {task: next((elsewhere / task).iterdir()) for task in zips}


@pytest.mark.parametrize("task", PLACES)
def test_a_folder_of_pictures_is_predicted_as_the_run_predicted_it(taken, tmp_path, task):
    chain, folders = taken
    facts = json.loads((folders[task] / "export.json").read_text())
    ensemble = chain / facts["provenance"]["run of the ensemble"]
    stored = predictions.load(ensemble / "predictions.npz")
    record = json.loads((chain / f"results/miniature/archives/{PLACES[task]}.json").read_text())
    record |= {"path": str(chain / record["path"])}
    originals = Originals(task, [record], None, chain / f"results/miniature/data/{task}")
    assert originals.at_hand
    (tmp_path / "pictures").mkdir()
    for row, picture in zip(stored.rows, originals.pictures(stored.rows), strict=True):
        Image.fromarray(picture).save(tmp_path / f"pictures/{row}.png")
    command = [sys.executable, "predict.pyz", tmp_path / "pictures", "--out", tmp_path / "out"]
    done = subprocess.run(command, cwd=folders[task], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    with open(tmp_path / "out/predictions.csv", newline="") as file:
        rows = {Path(row["file"]).stem: row for row in csv.DictReader(file)}
    students = [stored.outputs[name] for name in facts["models"]["ensemble"]["networks"]]
    for place, row in enumerate(stored.rows):
        said, largest = rows[str(row)], np.max([one[place] for one in students], axis=0)
        if task == "hcd":
            probability = (largest / largest.sum())[1]
            assert float(said["probability_of_metastasis"]) == pytest.approx(probability, abs=1e-4)
        else:
            assert float(said["largest_probability"]) == pytest.approx(largest.max() / 256, abs=0.004)
            assert (tmp_path / f"out/masks/{row}.png.png").exists()
