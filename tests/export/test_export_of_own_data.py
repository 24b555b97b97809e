"""Networks that were trained on data of a user's own, as folder or zip, taken home."""

import gzip
import io
import json
import re

import nibabel
import numpy as np
import pytest
import yaml
from exported_place import ExportedPlace, answer_of_card
from fabricated import call, read
from medical_files import film
from own_files import of_sixteen_bits, rotated, written, zipped
from PIL import Image

from kdml.data.own import Own
from kdml.deploy.pictures import Window
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
    assert "drawn images" not in card
    assert ("**Not for commercial use**" in card) is (facts["commercial"] is False)
    assert ("commercial use** is not recorded" in card) is (facts["commercial"] is None)
    assert ("The terms of the data allow **commercial use**" in card) is (facts["commercial"] is True)
    return made, facts, card


def predicted(made, pictures):
    """Rows of predictions.csv by file."""
    out = made.folder / "found"
    code, said = call("predict", pictures, "--model", made.out, "--use", "student", "--out", out)
    assert code == 0, said
    return {row["file"]: row for row in read(out / "predictions.csv")}


def stored_of(made):
    """(name, stored output) of the test pictures."""
    stored = predictions.load(made.place.folder_of("kd_ml_v3") / "predictions.npz")
    names = {line[0]: line[1] for line in made._split()}
    return [(names[int(row)], output) for row, output in zip(stored.rows, stored.outputs["s2"], strict=True)]


def test_grey_of_sixteen_bits_in_a_zip_with_a_licence(tmp_path):
    own = Own("xrays", ("a", "b"), window=WINDOW)
    source = zipped(tmp_path / "mine.zip", GREY)
    made, facts, card = exported(tmp_path, "classification", own, source, "--licence", "cc-by-4.0")
    assert facts["training_pictures"]["modes"] == ["I;16"] and facts["training_pictures"]["sizes"]["width"] == [40, 40]
    assert facts["window"] == WINDOW | {"of_percentiles": False}
    assert "Black and white became the values 100 and 4000: `predict.pyz`" in card
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "cc-by-4.0" and "cc-by-4.0 (data set 'xrays')" in card
    assert facts["commercial"] is True
    rows = predicted(made, written(tmp_path / "pictures", GREY))
    assert {row["problem"] for row in rows.values()} == {""} and not any(
        "mode" in one["unlike_training"] for one in rows.values()
    )
    for name, output in stored_of(made):
        assert float(rows[name]["probability_of_a"]) == pytest.approx(output[0], abs=1e-5)
        (tmp_path / "picture.png").write_bytes(GREY[name])
        assert answer_of_card(made.out, tmp_path)["probabilities"][0] == pytest.approx(output, abs=1e-5)


def test_dicom_files_say_on_which_scale_they_were(tmp_path):
    """Pictures to predict are such of 8 bits, which were windowed alike."""
    files = {
        f"{'ab'[number % 4 // 2]}/{number}.dcm": film(
            pixels(number, (24, 40)).astype(np.uint16) * 16,
            f"P{number}",
            intercept=-500,
            kind=f"MONOCHROME{1 + number % 2}",
        )
        for number in range(COUNT)
    }
    own = Own("films", ("a", "b"), window=WINDOW, format="dicom")
    words = ("--licence", "CC-BY-NC-SA-4.0")
    made, facts, card = exported(tmp_path, "classification", own, written(tmp_path / "mine", files), *words)
    assert facts["commercial"] is False and yaml.safe_load(card.split("---\n")[1])["license"] == "cc-by-nc-sa-4.0"
    assert (facts["window"], facts["scale"]) == (None, WINDOW | {"of_percentiles": False})
    assert (
        facts["training_pictures"]["modes"] == ["L"]
        and "after slope and intercept the values 100 and 4000 become 0 and 255" in card
    )
    (tmp_path / "pictures").mkdir()
    window = Window(**WINDOW)
    for number in range(COUNT):
        grey = window.applied(pixels(number, (24, 40)).astype(float) * 16 - 500)
        Image.fromarray(grey if number % 2 else 255 - grey).save(tmp_path / f"pictures/{number}.png")
    assert "MONOCHROME1, where low values are white, are inverted" in card and facts["made_by"] in told_of_films(made)
    rows = predicted(made, tmp_path / "pictures")
    assert not any("mode" in row["unlike_training"] for row in rows.values())
    for name, output in stored_of(made):
        found = rows[name.partition("/")[2].replace(".dcm", ".png")]
        assert float(found["probability_of_a"]) == pytest.approx(output[0], abs=1e-5)
        (tmp_path / "picture.dcm").write_bytes(files[name])
        assert answer_of_card(made.out, tmp_path)["probabilities"][0] == pytest.approx(output, abs=1e-5)


def told_of_films(made):
    """What predict says of the folder with the files of the training."""
    code, said = call("predict", made.archives, "--model", made.out, "--out", made.folder / "none")
    assert code == 2 and f"{COUNT} of its files are DICOM files or volumes, which are not read" in said
    assert not (made.folder / "none").exists()
    return said


def test_slices_of_volumes_are_cut_and_turned_as_the_card_says(tmp_path):
    """Along an axis that is not the first of the file, of volumes written in another order and direction."""
    files = {}
    for number in range(COUNT):
        values = np.random.default_rng(number).integers(0, 4000, (5, 20, 26)).astype(np.int16)  # y turned, z, x
        affine = np.array([[0, 0, -1, 25], [-1, 0, 0, 4], [0, 1, 0, 0], [0, 0, 0, 1]], float)
        volume = nibabel.Nifti1Image(values, affine)
        files[f"{'ab'[number % 4 // 2]}/{number}.nii"] = volume.to_bytes()
    own = Own("scans", ("a", "b"), window=WINDOW, format="nifti", axis=1)
    made, facts, card = exported(tmp_path, "classification", own, written(tmp_path / "mine", files))
    assert facts["axis"] == 1 and "orientation RAS and cut along axis 1 (coronal)" in card
    for name, output in stored_of(made)[:6]:
        file, number = name.removesuffix("]").split("[")
        (tmp_path / "volume.nii.gz").write_bytes(gzip.compress(files[file]))
        lines = made.out / "README.md"
        lines.write_text(re.sub(r"number = \d+", f"number = {number}", lines.read_text()))
        assert answer_of_card(made.out, tmp_path)["probabilities"][0] == pytest.approx(output, abs=1e-5)


def test_photographs_that_have_to_be_turned_in_a_folder_without_a_licence(tmp_path):
    source = written(tmp_path / "mine", TURNED | MASKS)
    made, facts, card = exported(tmp_path, "segmentation", Own("moles"), source)
    assert "licence not stated: ask whoever owns the pictures of 'moles'" in card and facts["window"] is None
    assert facts["commercial"] is None
    rows = predicted(made, source / "images")
    assert {(row["width"], row["height"]) for row in rows.values()} == {("40", "24")}
    assert not any("mode" in row["unlike_training"] for row in rows.values())
    for name, output in stored_of(made):
        found = rows[name.removeprefix("images/")]
        assert float(found["largest_probability"]) == pytest.approx(output.max() / 256, abs=0.004)
