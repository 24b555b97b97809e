"""How large pixels are: said by DICOM, NIfTI, a table or the configuration, at the size of the arrays, and what is made of it."""

import gzip
import io

import nibabel
import numpy as np
import pytest
from data.test_films import cine, scans
from data.test_own import prepared
from medical_files import film
from own_files import written
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from kdml.analysis import surfaces
from kdml.common.errors import UserError
from kdml.data import index, medical
from kdml.data.own import Own

SIZE = 16  # of the arrays
HU = {"low": 0, "high": 255}


def of_index(index):
    return {(round(row["mm_down"], 9), round(row["mm_across"], 9)) for row in index}


def test_dicom_says_it_down_and_across_and_both_axes_scale(tmp_path):
    """Pictures of 32 rows and 8 columns become 16 x 16."""
    files = {
        f"{'ab'[number % 2]}/{number}.dcm": film(
            np.random.default_rng(number).integers(0, 256, (32, 8)).astype(np.uint16),
            f"P{number}",
            PixelSpacing=[0.5, 0.7],
        )
        for number in range(6)
    }
    own = Own("mine", ("a", "b"), window=HU, format="dicom")
    _, index, report = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert of_index(index) == {(1.0, 0.35)}
    assert report["spacing"] == {"known": 6, "mm_down": [1.0, 1.0], "mm_across": [0.35, 0.35]}


def test_spacing_at_the_detector_is_none_of_the_patient():
    data = medical.film_of(film(scans(1)[0], ImagerPixelSpacing=[0.1, 0.1]), "here")
    assert medical.SPACING not in medical.dicom(data, "here")[0].info


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "said", [b"0.5", b"0.5\\", b"0,5\\0,7", b"", b"0.5\\0.5\\0.5", b"0.5\\0", b"0.5\\-1 ", b"nan\\1"]
)
def test_a_tag_that_does_not_say_two_sizes_says_none(said):
    content = film(scans(1)[0], PixelSpacing=[0.5, 0.7])
    data = medical.film_of(content, "here")
    raw = data.get_item("PixelSpacing")
    assert isinstance(raw, RawDataElement)
    data[raw.tag] = raw._replace(value=said, length=len(said))
    assert medical.SPACING not in medical.dicom(data, "here")[0].info


def test_frames_have_the_spacing_of_their_groups():
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing = [0.25, 0.5]
    group.PixelMeasuresSequence = [measures]
    data = medical.film_of(cine(1, SharedFunctionalGroupsSequence=[group]), "here")
    assert medical.dicom(data, "here", 2)[0].info[medical.SPACING] == (0.25, 0.5)


def volume(unit="mm", codes=(1, 1), sizes=(1.0, 2.0, 3.0)):
    made = nibabel.Nifti1Image(
        np.random.default_rng(1).integers(0, 200, (16, 20, 24)).astype(np.int16), np.diag([*sizes, 1])
    )
    made.header.set_xyzt_units(unit)
    made.set_sform(made.affine, codes[0])
    made.set_qform(made.affine, codes[1])
    return made.to_bytes()


@pytest.mark.parametrize(
    ("axis", "down", "across"), [(0, 3 * 24 / 16, 2 * 20 / 16), (1, 3 * 24 / 16, 1.0), (2, 2 * 20 / 16, 1.0)]
)
def test_slices_of_volumes_have_the_spacing_of_their_plane(axis, down, across, tmp_path):
    files = {f"images/{number}.nii.gz": gzip.compress(volume()) for number in range(3)}
    masks = np.zeros((16, 20, 24), np.uint8)
    masks[4:9, 4:9, 4:9] = 1
    files |= {
        f"masks/{number}.nii": nibabel.Nifti1Image(masks, np.diag([1, 2, 3, 1])).to_bytes() for number in range(3)
    }
    own = Own("mine", window=HU, mask_above=0, format="nifti", axis=axis)
    _, index, _ = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert of_index(index) == {(down, across)}


@pytest.mark.parametrize(
    ("unit", "codes", "factor"),
    [
        ("meter", (1, 1), 1000),
        ("micron", (1, 1), 0.001),
        ("unknown", (1, 1), 1),
        ("unknown", (0, 0), None),
        ("mm", (0, 0), 1),
    ],
)
def test_units_of_volumes(unit, codes, factor):
    found = medical.volume_of(volume(unit, codes), "here").spacing
    assert found is None if factor is None else found == pytest.approx([factor, 2 * factor, 3 * factor])


def test_sizes_of_voxels_are_those_of_the_affine_however_stale_the_header_is():
    made = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4))
    made.header.set_xyzt_units("mm")
    made.header.set_sform(np.diag([0.8, 2, 3, 1]), 1)
    made.header.set_qform(None, 0)
    stale = nibabel.Nifti1Image(made.dataobj, None, made.header)
    assert stale.header.get_zooms() == (1, 1, 1)
    assert medical.volume_of(stale.to_bytes(), "here").spacing == pytest.approx([0.8, 2, 3])


BY_TABLE = Own("mine", ("a", "b"), "list.csv", "file", "class", spacing_column="mm")
SMALL = Own("mine", ("a", "b"), "list.csv", "file", "class")


def listed(*cells):
    files = {f"images/{number}.png": picture(number) for number in range(len(cells))}
    lines = "".join(f"images/{number}.png,{'ab'[number % 2]},{cell}\n" for number, cell in enumerate(cells))
    return files | {"list.csv": f"file,class,mm\n{lines}"}


def picture(number, shape=(8, 32), **more):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)).save(buffer, "PNG", **more)
    return buffer.getvalue()


def test_a_column_says_it_for_each_picture_and_forms_no_subgroup(tmp_path):
    files = listed("0.5", "1 2", "0.25", "3 1", "0.5", "2")
    _, index, _ = prepared(written(tmp_path / "mine", files), BY_TABLE, tmp_path / "out")
    found = [(row["mm_down"], row["mm_across"]) for row in index]
    assert found == [(0.25, 1.0), (0.5, 4.0), (0.125, 0.5), (1.5, 2.0), (0.25, 1.0), (1.0, 4.0)]
    assert not any(name.startswith("metadata_") for name in index[0])


def test_where_one_is_unknown_it_is_said(tmp_path, caplog):
    files = listed("0.5", "unknown", "0.25", "3 1", "0.5", "2")
    _, index, report = prepared(written(tmp_path / "mine", files), BY_TABLE, tmp_path / "out")
    assert index[1]["mm_down"] is None and report["spacing"]["known"] == 5
    assert "the spacing of 5 of 6 pictures is known: distances stay in pixels" in caplog.text


def test_a_cell_that_says_unknown_counts_more_than_the_file(tmp_path):
    names = [f"images/{number}.dcm" for number in range(6)]
    files = {name: film(scans(n)[0], f"P{n}", PixelSpacing=[9, 9]) for n, name in enumerate(names)}
    cells = ["1", "unknown", "1", "1", "1", "1"]
    lines = "".join(f"{name},{'ab'[n % 2]},{cells[n]}\n" for n, name in enumerate(names))
    own = Own("mine", ("a", "b"), "list.csv", "file", "class", spacing_column="mm", window=HU, format="dicom")
    files |= {"list.csv": f"file,class,mm\n{lines}"}
    _, index, report = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert index[1]["mm_down"] is None and report["spacing"]["known"] == 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_of_the_picture_as_it_lies_in_the_file(orientation, tmp_path):
    """Files of 8 rows and 32 columns; 5 to 8 show the rows as columns."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    own = Own("mine", ("a", "b"), spacing=(1.0, 0.25))
    files = {f"{'ab'[n % 2]}/{n}.png": picture(n, exif=exif) for n in range(6)}
    _, index, _ = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert of_index(index) == {(0.5, 0.5)}


def test_words_in_a_picture_are_no_spacing_of_it(tmp_path):
    words = PngInfo()
    words.add_text("spacing", "0.5")
    words.add_text("patient", "somebody")
    files = {f"{'ab'[n % 2]}/{n}.png": picture(n, pnginfo=words) for n in range(6)}
    _, _, report = prepared(written(tmp_path / "mine", files), Own("mine", ("a", "b")), tmp_path / "out")
    assert "spacing" not in report


@pytest.mark.parametrize(("spacing", "is_told"), [((0.00025, 0.00025), True), ((0.5, 0.5), False)])
def test_pictures_smaller_than_what_nsd_takes_as_met_are_told(spacing, is_told, tmp_path, caplog):
    files = {f"{'ab'[n % 2]}/{n}.png": picture(n, (SIZE, SIZE)) for n in range(6)}
    prepared(written(tmp_path / "mine", files), Own("mine", ("a", "b"), spacing=spacing), tmp_path / "out")
    assert ("the largest picture measures 0.0057 mm from corner to corner" in caplog.text) == is_told


def test_the_smallest_picture_is_as_large_as_what_nsd_takes_as_met():
    assert index.SMALLEST == surfaces.TOLERANCE


def test_the_configuration_says_it_for_all_whatever_the_files_say(tmp_path):
    files = {
        f"{'ab'[number % 2]}/{number}.dcm": film(scans(number)[0], f"P{number}", PixelSpacing=[9, 9])
        for number in range(6)
    }
    own = Own("mine", ("a", "b"), window=HU, format="dicom", spacing=(0.5, 0.25))
    _, index, _ = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert of_index(index) == {(0.5, 0.25)}


def test_without_any_the_index_is_what_it_was(tmp_path):
    _, index, report = prepared(written(tmp_path / "mine", listed(*"123456")), SMALL, tmp_path / "out")
    assert not {"mm_down", "mm_across"} & index[0].keys() and "spacing" not in report


@pytest.mark.bad_input
@pytest.mark.parametrize("cell", ["wide", "0", "-1", "1 2 3", "inf", "nan 1"])
def test_a_cell_that_says_none_is_named(cell, tmp_path):
    with pytest.raises(UserError, match=f"list.csv, line 3: '{cell}' is no spacing of pixels") as told:
        prepared(written(tmp_path / "mine", listed("1", cell, "1", "1", "1", "1")), BY_TABLE, tmp_path / "out")
    assert "column 'mm'" in told.value.remedy
