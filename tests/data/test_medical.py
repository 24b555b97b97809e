"""DICOM files and NIfTI volumes of a user's own: values, orientation, groups, and what is refused by name."""

import gzip
import io

import nibabel
import numpy as np
import pydicom
import pytest
from data.test_own import prepared
from fabricated import call
from medical_files import film
from own_files import written, zipped
from PIL import Image
from pydicom.uid import JPEG2000Lossless, RLELossless

from kdml.common import extras
from kdml.common.errors import UserError
from kdml.common.files import read_json, write_json
from kdml.data import medical
from kdml.data.archives import record_of
from kdml.data.layouts import Choice
from kdml.data.originals import Originals
from kdml.data.own import Own, check_own, own_of
from kdml.deploy.pictures import Window

SIZE = 16
HU = {"low": -100, "high": 155}  # 256 values: one for each grey
SHAPE = (16, 20, 24)


def checked(data, folder):
    """What `check_data` says of prepared data, and its page."""
    code, said = call("check_data", "--data", f"mine={data}", "--out", folder / "check.json", folder / "check.html")
    assert code == 0, said
    (found,) = read_json(folder / "check.json", "")
    return found, (folder / "check.html").read_text()


def nifti(values, affine=None, packed=True, kind=nibabel.Nifti1Image):
    """Bytes of a NIfTI volume, as .nii.gz or .nii."""
    content = kind(values, np.eye(4) if affine is None else affine).to_bytes()
    if not packed:
        return content
    return gzip.compress(content)


def scan(seed, top=4096, shape=(SIZE, SIZE)):
    return np.random.default_rng(seed).integers(0, top, shape).astype(np.uint16)


def read(content, frame=None):
    """A picture of a DICOM file, its bits, and what kind of file it is."""
    return medical.dicom(medical.film_of(content, "here"), "here", frame)


def hounsfield(values):
    return np.clip(2.0 * values - 1024 + 100, 0, 255).round().astype(np.uint8)


# DICOM


def test_dicom_files_are_windowed_after_slope_and_intercept_and_grouped_by_patient(tmp_path):
    files = {
        f"{'ab'[number % 2]}/{number}.dcm": film(scan(number, 800), f"P{number // 4}", slope=2, intercept=-1024)
        for number in range(12)
    }
    own = Own("mine", ("a", "b"), window=HU, format="dicom")
    arrays, index, report = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert len(index) == 12 and report["files"]["images"] == {"DICOM, mode L, 12 bits": 12}
    for row in index:
        number = int(row["id"][2:].partition(".")[0])
        assert (arrays["images"][row["row"]] == hounsfield(scan(number, 800))[..., None]).all()
    groups = {int(row["id"][2:].partition(".")[0]) // 4: row["group"] for row in index}
    assert report["groups"] == len(set(groups.values())) == 3
    assert all(group.startswith("patient ") and "P" not in group for group in groups.values())  # a digest, not the name
    packed = prepared(zipped(tmp_path / "mine.zip", files), own, tmp_path / "packed")
    assert np.array_equal(packed[0]["images"], arrays["images"])
    found, page = checked(tmp_path / "out", tmp_path)
    assert found["groups"]["groups"] == 3 and found["kept"] == 12 and "12 DICOM, mode L, 12 bits" in page


def test_a_column_of_groups_is_the_word_of_the_user(tmp_path):
    files = {f"{number}.dcm": film(scan(number), "same") for number in range(6)}
    files["list.csv"] = "file,class,who\n" + "".join(
        f"{number}.dcm,{'ab'[number % 2]},{number}\n" for number in range(6)
    )
    own = Own("mine", ("a", "b"), "list.csv", "file", "class", group="who", window=HU, format="dicom")
    _, index, _ = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert {row["group"] for row in index} == {str(number) for number in range(6)}


def test_low_values_of_monochrome_1_are_white(tmp_path):
    values = scan(1)
    image, bits, _ = read(film(values, kind="MONOCHROME1"))
    plain, *_ = read(film(values))
    window = Window(0, 4095).applied
    assert bits == 12 and image.mode == "F"
    assert (np.asarray(medical.windowed(image, window)) == 255 - np.asarray(medical.windowed(plain, window))).all()


def test_bytes_and_colours_need_no_window():
    grey, colour = (np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8) for shape in ((8, 8), (8, 8, 3)))
    for values, kind in ((grey, "DICOM, mode L, 8 bits"), (colour, "DICOM, mode RGB, 8 bits")):
        image, bits, said = read(film(values, bits=8))
        assert (bits, said) == (8, kind) and np.array_equal(np.asarray(image), values)
    assert read(film(grey, bits=8, slope=2))[0].mode == "F"  # on a scale of its own


def test_lossless_runs_are_read():
    data = pydicom.dcmread(io.BytesIO(film(scan(3))))
    data.compress(RLELossless)
    buffer = io.BytesIO()
    data.save_as(buffer)
    image, *_ = read(buffer.getvalue())
    assert np.array_equal(np.asarray(image), scan(3).astype(np.float32))


def compressed():
    """A file that says it is JPEG 2000, with a stream that nothing can undo."""
    data = pydicom.dcmread(io.BytesIO(film(scan(1))))
    data.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51 not a stream"])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless
    buffer = io.BytesIO()
    data.save_as(buffer)
    return buffer.getvalue()


def headless():
    data = pydicom.dcmread(io.BytesIO(film(scan(1))))
    del data.PixelData
    buffer = io.BytesIO()
    data.save_as(buffer)
    return buffer.getvalue()


def without(*keywords):
    data = pydicom.dcmread(io.BytesIO(film(scan(1))))
    for keyword in keywords:
        delattr(data, keyword)
    buffer = io.BytesIO()
    data.save_as(buffer)
    return buffer.getvalue()


BAD_DICOM = {
    "no rows": (lambda: without("Rows"), "b/3.dcm cannot be read"),
    "no bits": (lambda: without("BitsStored"), "b/3.dcm cannot be read"),
    "no DICOM": (lambda: b"not one", "b/3.dcm cannot be read"),
    "compressed": (
        compressed,
        "b/3.dcm is compressed as JPEG 2000 Image Compression .Lossless Only., which cannot be undone",
    ),
    "no picture": (headless, "b/3.dcm holds no picture"),
    "frames that are not there": (lambda: film(scan(1), NumberOfFrames=2), r"b/3.dcm\[0\] cannot be read"),
    "too large": (lambda: film(scan(1), Rows=60_000, Columns=60_000), "b/3.dcm has 3600 million pixels"),
    "a slope beyond all numbers": (lambda: film(scan(1), slope=1e300), "b/3.dcm has values that are no finite numbers"),
    "a palette": (lambda: film(scan(1), kind="PALETTE COLOR"), "photometric interpretation PALETTE COLOR"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("bad", "message"), BAD_DICOM.values(), ids=BAD_DICOM)
def test_dicom_files_that_cannot_be_taken_are_named(bad, message, tmp_path):
    files = {f"{'ab'[number % 2]}/{number}.dcm": film(scan(number)) for number in range(8)} | {"b/3.dcm": bad()}
    with pytest.raises(UserError, match=message):
        prepared(
            written(tmp_path / "mine", files), Own("mine", ("a", "b"), window=HU, format="dicom"), tmp_path / "out"
        )


@pytest.mark.bad_input
def test_values_of_a_scale_of_their_own_need_a_window(tmp_path):
    files = {f"{'ab'[number % 2]}/{number}.dcm": film(scan(number), intercept=-1024) for number in range(8)}
    with pytest.raises(UserError, match=r"has 12 bits, with values from -\d+ to \d+") as told:
        prepared(written(tmp_path / "mine", files), Own("mine", ("a", "b"), format="dicom"), tmp_path / "out")
    assert "`window`" in told.value.remedy


# NIfTI


def volume(seed, shape=SHAPE):
    return np.random.default_rng(seed).integers(-50, 150, shape).astype(np.int16)


def marks(seed, shape=SHAPE):
    values = np.zeros(shape, np.uint8)
    values[2 : 8 + seed, 3:9, 4 : 12 + seed] = 1
    return values


VOLUMES = {f"images/{number}.nii.gz": nifti(volume(number)) for number in range(4)} | {
    f"masks/{number}.nii": nifti(marks(number), packed=False) for number in range(4)
}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_volumes_are_cut_along_an_axis_with_their_masks(axis, tmp_path):
    own = Own("mine", window=HU, mask_above=0, format="nifti", axis=axis)
    arrays, index, report = prepared(written(tmp_path / "mine", VOLUMES), own, tmp_path / "out")
    count = SHAPE[axis]
    assert report["read"] == 4 * count and report["groups"] == 4  # a group for each volume
    assert {row["group"] for row in index} == {f"images/{number}.nii.gz" for number in range(4)}
    assert index[0]["id"] == "images/0.nii.gz[0]" and index[-1]["id"] == f"images/3.nii.gz[{count - 1}]"
    for row in (index[0], index[count + 5], index[-1]):
        name, number = medical.file_of(row["id"])
        seed = int(name[7])
        values = np.rot90(np.take(volume(seed), number, axis)).astype(float)
        grey = np.clip(values + 100, 0, 255).astype(np.uint8)
        expected = np.asarray(Image.fromarray(grey).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        assert np.array_equal(arrays["images"][row["row"]], expected)
        mask = Image.fromarray(np.rot90(np.take(marks(seed), number, axis))).resize(
            (SIZE, SIZE), Image.Resampling.NEAREST
        )
        assert np.array_equal(arrays["masks"][row["row"]], np.asarray(mask))
    packed = prepared(zipped(tmp_path / "mine.zip", VOLUMES), own, tmp_path / "packed")
    assert np.array_equal(packed[0]["images"], arrays["images"])
    found, page = checked(tmp_path / "out", tmp_path)
    assert found["read"] == 4 * count and f"{4 * count} NIfTI, mode L, 16 bits" in page
    assert {one["class"]: one["groups"] for one in found["classes"]}["marked"] == 4


def test_masks_of_volumes_may_have_several_classes(tmp_path):
    """Values of a scan's parts, as whole numbers of whatever type; another value is named."""
    left = np.arange(SHAPE[0])[:, None, None] < SHAPE[0] // 2
    parts = {number: (marks(number) * np.where(left, 4, 1)).astype(np.float32) for number in range(4)}
    files = VOLUMES | {f"masks/{number}.nii": nifti(part, packed=False) for number, part in parts.items()}
    files = {name: content for name, content in files.items() if not name.startswith("masks/") or name.endswith(".nii")}
    own = Own("mine", window=HU, format="nifti", mask_values=(("background", 0), ("core", 1), ("cyst", 4)))
    arrays, index, _ = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    for row in index[:: len(index) // 8]:
        name, number = medical.file_of(row["id"])
        drawn = Image.fromarray(np.rot90(np.take(parts[int(name[7])], number, 2)).astype(np.uint8))
        expected = np.asarray(drawn.resize((SIZE, SIZE), Image.Resampling.NEAREST))
        assert np.array_equal(np.array([0, 1, 4])[arrays["masks"][row["row"]]], expected)
    assert set(np.unique(arrays["masks"])) == {0, 1, 2}
    files["masks/1.nii"] = nifti(parts[1] * 0.5 + 0.25, packed=False)
    with pytest.raises(UserError, match=r"masks/1\.nii"):
        prepared(written(tmp_path / "other", files), own, tmp_path / "none")


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_volumes_are_brought_to_one_orientation_and_to_real_values(kind):
    values = volume(1)
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(values, np.eye(4))).as_reoriented(
        nibabel.orientations.axcodes2ornt(("P", "I", "L"), (("L", "R"), ("P", "A"), ("I", "S")))
    )
    turned = kind(np.asarray(turned.dataobj), turned.affine)
    turned.header.set_slope_inter(0.5, 3)
    content = turned.to_bytes()
    found = medical.volume_of(content, "here")
    assert found.bits == 16 and np.allclose(
        found.values, nibabel.as_closest_canonical(kind.from_bytes(content)).get_fdata()
    )
    assert found.values.shape == SHAPE and medical.grid_of(content, "here").shape == SHAPE


def test_what_is_in_front_is_above():
    values = np.zeros((3, 4, 5), np.float32)
    values[0, 3, 2] = 1  # left, anterior
    assert np.asarray(medical.Volume(values, 32, None).plane(2, 2))[0].tolist() == [1, 0, 0]


def test_a_table_names_slices_or_whole_volumes(tmp_path):
    files = {name: content for name, content in VOLUMES.items() if name.startswith("images")}
    rows = [f"{number}.nii.gz,{place},{'ab'[place % 2]},{number // 2}" for number in range(4) for place in range(3, 9)]
    files["list.csv"] = "volume,place,class,who\n" + "\n".join(rows)
    own = Own("mine", ("a", "b"), "list.csv", "volume", "class", group="who", window=HU, format="nifti", slice="place")
    own = own_of({**own.described(), "group": None}, None)
    _, index, _ = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert len(index) == 24 and {row["label"] for row in index} == {0, 1}
    assert [row["id"] for row in index[:2]] == ["images/0.nii.gz[3]", "images/0.nii.gz[4]"]
    files["list.csv"] = (
        "volume,class\n"
        + "".join(f"images/{number}.nii.gz,{'ab'[number % 2]}\n" for number in range(4))
        + "".join(f"more/{number}.nii,{'ab'[number % 2]}\n" for number in range(4))
    )
    files |= {f"more/{number}.nii": nifti(volume(9 + number), packed=False) for number in range(4)}
    whole = Own("mine", ("a", "b"), "list.csv", "volume", "class", window=HU, format="nifti")
    _, index, report = prepared(written(tmp_path / "whole", files), whole, tmp_path / "volumes")
    assert report["read"] == 8 * SHAPE[2] and report["groups"] == 8


def without_a_slice():
    files = {
        "list.csv": "volume,place,class\n" + "".join(f"{number}.nii.gz,{20 + 10 * number},a\n" for number in range(4))
    }
    return files | {name[7:]: content for name, content in VOLUMES.items() if name.startswith("images")}


def huge():
    """A header that promises gigabytes."""
    header = nibabel.Nifti1Header()
    header.set_data_shape((2000, 2000, 2000))
    return header.binaryblock + b"\0" * 1000


def turned_nowhere():
    """A header whose axes lead to no point of space: code and rows of its sform."""
    content = bytearray(nifti(volume(2), packed=False))
    content[254:256], content[280:328] = b"\x01\x00", bytes(48)
    return gzip.compress(bytes(content))


BY_SLICE = Own("mine", ("a", "b"), "list.csv", "volume", "class", window=HU, format="nifti", slice="place")
BESIDE = Own("mine", window=HU, mask_above=0, format="nifti")
BAD_NIFTI = {
    "no volume": (BESIDE, VOLUMES | {"images/2.nii.gz": b"not one"}, "images/2.nii.gz cannot be read"),
    "a series": (BESIDE, VOLUMES | {"images/2.nii.gz": nifti(np.zeros((4, 4, 4, 3), np.int16))}, "4 x 4 x 4 x 3 values"),
    "a series of one slice": (BESIDE, VOLUMES | {"images/2.nii.gz": nifti(np.zeros((4, 4, 1, 3), np.int16))}, "4 x 4 x 1 x 3 values"),
    "no orientation": (BESIDE, VOLUMES | {"images/2.nii.gz": turned_nowhere()}, "images/2.nii.gz cannot be read"),
    "too large": (BESIDE, VOLUMES | {"images/2.nii.gz": gzip.compress(huge())}, "8000 million values"),
    "another mask": (BESIDE, VOLUMES | {"masks/2.nii": nifti(marks(0, (16, 20, 23)), packed=False)}, "differ in size .16 x 20 x 24 and 16 x 20 x 23 voxels"),
    "no such slice": (BY_SLICE, without_a_slice(), "1.nii.gz has no slice 30 along axis 2; the last is 23"),
    "no number": (BY_SLICE, without_a_slice() | {"list.csv": "volume,place,class\n1.nii.gz,top,a\n"}, "'top' is no number of a slice"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("own", "files", "message"), BAD_NIFTI.values(), ids=BAD_NIFTI)
def test_volumes_that_cannot_be_taken_are_named_at_planning(own, files, message, tmp_path):
    with pytest.raises(UserError, match=message) as told:
        check_own(own, written(tmp_path / "mine", files), Choice())
    assert told.value.problem.startswith("`datasets.mine`: ")


PLACED = np.array(
    [[-1.0, 0, 0, 90], [0, -1, 0, 126], [0, 0, 3, -72], [0, 0, 0, 1]]
)  # of a scanner that counts from the left


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("affine", "words"),
    [
        (np.eye(4), "stored as LPS and RAS"),
        (np.diag([-1.0, -1, 3, 1]), "differ by 126 voxels"),  # turned the right way, but elsewhere
        (PLACED + np.outer([1, 0, 0, 0], [0, 0, 0, 0.5]), "differ by 0.5 voxels"),
        (PLACED @ np.diag([1, 1, 2, 1]), "differ by 23 voxels"),
    ],
)
def test_masks_that_lie_elsewhere_than_their_volume_are_refused(affine, words, tmp_path):
    files = {"images/0.nii.gz": nifti(volume(0), PLACED), "masks/0.nii": nifti(marks(0), affine, packed=False)}
    with pytest.raises(UserError, match=r"images/0.nii.gz and its mask masks/0.nii do not lie in one place") as told:
        check_own(BESIDE, written(tmp_path / "mine", files), Choice())
    assert words in told.value.problem and "volume.affine" in told.value.remedy


def test_masks_that_are_stored_otherwise_but_lie_in_one_place_are_read(tmp_path):
    """Axes in another order, millimetres named or not, and rounded headers; every voxel stays on its own."""
    files = {}
    for number in range(4):
        mask = nibabel.Nifti1Image(marks(number), PLACED + 1e-3 * (np.arange(16).reshape(4, 4) < 12))
        turn = nibabel.orientations.axcodes2ornt(("S", "R", "P"))
        turned = mask.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(mask.affine), turn))
        turned.header.set_xyzt_units("mm")
        files |= {f"images/{number}.nii.gz": nifti(volume(number), PLACED), f"masks/{number}.nii": turned.to_bytes()}
    arrays, index, _ = prepared(written(tmp_path / "mine", files), BESIDE, tmp_path / "out")
    for row in index[5 :: len(index) // 8]:
        name, number = medical.file_of(row["id"])
        drawn = Image.fromarray(np.rot90(np.take(marks(int(name[7]))[::-1, ::-1], number, 2)))
        expected = np.asarray(drawn.resize((SIZE, SIZE), Image.Resampling.NEAREST))
        assert np.array_equal(arrays["masks"][row["row"]], expected)
    assert arrays["masks"].any()


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["dicom", "nifti"])
def test_without_the_extra_they_are_refused_at_planning(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "EXTRAS", {"medical": ("no_such_package",)})
    with pytest.raises(UserError, match=f"`format: {kind}` needs the package no_such_package") as told:
        check_own(Own("mine", window=HU, format=kind), written(tmp_path / "mine", VOLUMES), Choice())
    assert "uv sync --extra medical" in told.value.remedy


def test_what_is_not_asked_for_is_passed_over(tmp_path):
    """Volumes beside plain pictures are other files."""
    with pytest.raises(UserError, match="holds no picture"):
        check_own(Own("mine"), written(tmp_path / "mine", VOLUMES), Choice())


def test_originals_are_read_again_by_their_names(tmp_path):
    source = written(tmp_path / "mine", VOLUMES)
    own = Own("mine", window=HU, mask_above=0, format="nifti")
    _, index, _ = prepared(source, own, tmp_path / "out")
    report = {"own": own.described(), "files": {"images": {"NIfTI, mode L, 16 bits": 1}}}
    write_json(tmp_path / "out/report.json", report)
    found = Originals("mine", [record_of("own_mine", source, "folder")], source, tmp_path / "out")
    (picture,) = found.pictures([index[7]["row"]])
    grey = np.clip(np.rot90(volume(0)[:, :, 7]).astype(float) + 100, 0, 255).astype(np.uint8)
    assert np.array_equal(picture[..., 0], grey) and found.modes == ["L"] and found.window is None
    assert (found.format, found.scale) == ("nifti", HU | {"of_percentiles": False})
