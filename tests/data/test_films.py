"""DICOM files of several frames: each frame is a picture, the frames of a patient or a file stay together, and what cannot be is named."""

import io

import numpy as np
import pydicom
import pytest
from data.test_own import prepared
from medical_files import film
from own_files import written, zipped
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from kdml.common.errors import UserError
from kdml.data import medical
from kdml.data.archives import record_of
from kdml.data.layouts import Choice
from kdml.data.originals import Originals
from kdml.data.own import Own, check_own

SIZE, FRAMES = 16, 4
HU = {"low": 0, "high": 255}
OWN = Own("mine", ("a", "b"), window=HU, format="dicom")


def scans(seed, count=FRAMES, shape=(SIZE, SIZE)):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint16)


def cine(seed, patient="", **changed):
    return film(scans(seed), patient, of_several=True, **changed)


def compressed(content):
    data = pydicom.dcmread(io.BytesIO(content))
    data.compress(RLELossless)
    buffer = io.BytesIO()
    data.save_as(buffer)
    return buffer.getvalue()


FILES = {f"{'ab'[number % 2]}/{number}.dcm": cine(number, f"P{number // 2}") for number in range(6)}


def test_every_frame_is_a_picture_and_those_of_a_patient_are_a_group(tmp_path):
    files = FILES | {"a/still.dcm": film(scans(9)[0], "P9"), "b/runs.dcm": compressed(cine(8, "P8"))}
    source = written(tmp_path / "mine", files)
    arrays, index, report = prepared(source, OWN, tmp_path / "out")
    assert len(index) == 7 * FRAMES + 1 and report["files"]["images"] == {"DICOM, mode L, 12 bits": len(index)}
    for row in index:
        name, number = medical.file_of(row["id"])
        seed = {"a/still.dcm": 9, "b/runs.dcm": 8}.get(name) or int(name[2:-4])
        assert (arrays["images"][row["row"]] == scans(seed)[number or 0][..., None]).all()
        assert row["label_name"] == name[0]
    groups = {row["id"].partition("[")[0]: row["group"] for row in index}
    assert report["groups"] == len(set(groups.values())) == 5 and groups["a/0.dcm"] == groups["b/1.dcm"]
    packed = prepared(zipped(tmp_path / "mine.zip", files), OWN, tmp_path / "packed")
    assert np.array_equal(packed[0]["images"], arrays["images"])
    again = Originals("mine", [record_of("own_mine", source, "folder")], source, tmp_path / "out")
    (picture,) = again.pictures([index[5]["row"]])
    assert np.array_equal(picture, arrays["images"][index[5]["row"]])


def test_frames_without_a_patient_are_a_group_of_their_file(tmp_path):
    files = {f"{'ab'[number % 2]}/{number}.dcm": cine(number) for number in range(6)}
    _, index, _ = prepared(written(tmp_path / "mine", files), OWN, tmp_path / "out")
    assert {row["group"] for row in index} == set(files)


def test_frames_in_colour_are_read():
    values = np.random.default_rng(1).integers(0, 256, (3, 8, 10, 3), dtype=np.uint8)
    data = medical.film_of(film(values, bits=8, of_several=True), "here")
    for number, expected in enumerate(values):
        image, bits, kind = medical.dicom(data, "here", number)
        assert np.array_equal(np.asarray(image), expected) and (bits, kind) == (8, "DICOM, mode RGB, 8 bits")


def groups_of(*intercepts):
    """Functional groups of frames with an intercept each."""
    made = []
    for intercept in intercepts:
        scale, group = Dataset(), Dataset()
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = 2, intercept, "HU"
        group.PixelValueTransformationSequence = [scale]
        made.append(group)
    return made


@pytest.mark.parametrize("name", ["PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"])
def test_the_scale_of_a_frame_is_its_own_or_that_of_all(name):
    intercepts = (10, 20, 30, 40) if name.startswith("Per") else (10,)
    data = medical.film_of(cine(1, **{name: groups_of(*intercepts)}), "here")
    for number, values in enumerate(scans(1)):
        found = np.asarray(medical.dicom(data, "here", number)[0])
        assert np.array_equal(found, 2.0 * values + intercepts[number if len(intercepts) > 1 else 0])


def test_a_long_header_is_read_to_its_end():
    """What comes before the number of frames may be longer than what is looked at first."""
    content = cine(1, ImageComments="", PatientComments="x" * 2 * medical.HEAD)
    assert medical.frames_of(content[: medical.HEAD]) is None and medical.frames_of(content) == FRAMES
    assert medical.frames_of(cine(1)[:2000]) == FRAMES and medical.frames_of(b"no film") is None


def marks(count):
    values = np.zeros((count, SIZE, SIZE), np.uint8)
    for number in range(count):
        values[number, 2 : 5 + number, 3:9] = 255
    return values


def beside(masks):
    return {f"images/{number}.dcm": cine(number, f"P{number}") for number in range(4)} | {
        f"masks/{number}.dcm": masks for number in range(4)
    }


def test_masks_of_films_have_a_frame_for_each(tmp_path):
    own = Own("mine", window=HU, format="dicom")
    files = beside(film(marks(FRAMES), bits=8, of_several=True))
    arrays, index, _ = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert len(index) == 4 * FRAMES
    for row in index:
        assert np.array_equal(arrays["masks"][row["row"]] * 255, marks(FRAMES)[medical.file_of(row["id"])[1]])


@pytest.mark.bad_input
@pytest.mark.parametrize("masks", [film(marks(2), bits=8, of_several=True), film(marks(1)[0], bits=8)], ids=["2", "1"])
def test_a_mask_with_other_frames_is_named(masks, tmp_path):
    own = Own("mine", window=HU, format="dicom")
    with pytest.raises(UserError, match=r"images/0\.dcm has 4 frames and its mask masks/0\.dcm [12]\.") as told:
        prepared(written(tmp_path / "mine", beside(masks)), own, tmp_path / "out")
    assert told.value.problem.startswith("`datasets.mine`: ") and "every frame a file" in told.value.remedy


@pytest.mark.bad_input
def test_a_film_that_ends_too_early_is_named_with_its_frame(tmp_path):
    whole = pydicom.dcmread(io.BytesIO(cine(1)))
    whole.PixelData = whole.PixelData[: 2 * 2 * SIZE * SIZE]
    buffer = io.BytesIO()
    whole.save_as(buffer)
    source = written(tmp_path / "mine", FILES | {"b/1.dcm": buffer.getvalue()})
    with pytest.raises(UserError, match=r"b/1\.dcm\[\d\] cannot be read"):
        prepared(source, OWN, tmp_path / "out")


def test_a_plan_opens_no_film(tmp_path, monkeypatch):
    source = written(tmp_path / "mine", FILES)
    monkeypatch.setattr(medical, "frames_of", lambda content: pytest.fail("opened"))
    check_own(OWN, source, Choice())
