"""Networks that were trained on data of a user's own, as folder or zip, taken home."""

import io
import json

import numpy as np
import pytest
import yaml
from exported_place import ExportedPlace
from fabricated import call, read
from own_files import of_sixteen_bits, rotated, written, zipped
from PIL import Image

from kdml.data.own import Own
from kdml.runs import predictions

COUNT = 32
WINDOW = {"low": 100, "high": 4000}


def pixels(number, shape):
    """Noise that is brighter from picture to picture."""
    return np.random.default_rng(number).integers(0, 100 + 4 * number, shape, dtype=np.uint8)


def mask(number):
    values = np.zeros((24, 40), np.uint8)
    values[4 : 10 + number % 8, 8:20] = 255
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


GREY = {f"{'ab'[number % 4 // 2]}/{number}.png": of_sixteen_bits(pixels(number, (24, 40))) for number in range(COUNT)}
TURNED = {f"images/{number}.jpg": rotated(pixels(number, (40, 24, 3))) for number in range(COUNT)}
MASKS = {f"masks/{number}.png": mask(number) for number in range(COUNT)}


def exported(folder, kind, own, source, *words):
    made = ExportedPlace(folder, kind, own, source)
    made.add("kd_ml_v3", {"s1": 0.6, "s2": 0.7, "teacher": 0.9})
    code, said = made.export(*words)
    assert code == 0, said
    facts = json.loads((made.out / "export.json").read_text())
    parity = facts["models"]["student"]["parity"]
    assert facts["pictures_from"] == "archives" and parity["pictures"] == len(made.place.test_rows) > 0
    assert parity["pixels_otherwise"] == parity["changed"] == 0
    card = (made.out / "README.md").read_text()
    assert (
        "drawn images" not in card
        and "Not for commercial use" not in card
        and "commercial use** is not recorded" in card
    )
    return made, facts, card


def test_grey_of_sixteen_bits_in_a_zip_with_a_licence(tmp_path):
    own = Own("xrays", ("a", "b"), window=WINDOW)
    source = zipped(tmp_path / "mine.zip", GREY)
    _, facts, card = exported(tmp_path, "classification", own, source, "--licence", "cc-by-4.0")
    assert facts["training_pictures"]["modes"] == ["L"] and facts["training_pictures"]["sizes"]["width"] == [40, 40]
    assert facts["window"] == "100 and 4000" and "became black and white: 100 and 4000." in card
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "cc-by-4.0" and "cc-by-4.0 (data set 'xrays')" in card


def test_photographs_that_have_to_be_turned_in_a_folder_without_a_licence(tmp_path):
    source = written(tmp_path / "mine", TURNED | MASKS)
    made, facts, card = exported(tmp_path, "segmentation", Own("moles"), source)
    assert "licence not stated: ask whoever owns the pictures of 'moles'" in card and facts["window"] == ""
    code, said = call(
        "predict", source / "images", "--model", made.out, "--use", "student", "--out", tmp_path / "found"
    )
    assert code == 0, said
    rows = {row["file"]: row for row in read(tmp_path / "found/predictions.csv")}
    assert {(row["width"], row["height"]) for row in rows.values()} == {("40", "24")}
    assert not any("mode" in row["unlike_training"] for row in rows.values())
    stored = predictions.load(made.place.folder_of("kd_ml_v3") / "predictions.npz")
    lines = {line[0]: line[1] for line in made._split()}
    for row, output in zip(stored.rows, stored.outputs["s2"], strict=True):
        found = rows[lines[int(row)].removeprefix("images/")]
        assert float(found["largest_probability"]) == pytest.approx(output.max() / 256, abs=0.004)
