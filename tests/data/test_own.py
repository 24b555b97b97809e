"""Data sets of the user's own: every layout gives the same arrays from folder and zip, and what is wrong is named."""

import io
import shutil
import unicodedata

import cv2
import numpy as np
import pandas as pd
import pyarrow
import pytest
from own_files import colour_of_sixteen_bits, written, zipped
from PIL import Image
from pyarrow import parquet

from kdml.common.errors import MachineError, UserError
from kdml.common.files import sha256_of
from kdml.data.archives import record_of
from kdml.data.divisible import check_divisible
from kdml.data.layouts import Choice, Member, Picture
from kdml.data.own import Own, check_own, own_of
from kdml.data.prepare import prepare

SIZE = 16
CLASSES = ("benign", "malignant")


def pixels(seed, shape=(SIZE, SIZE, 3), top=256, kind=np.uint8):
    return np.random.default_rng(seed).integers(0, top, shape).astype(kind)


def encoded(values, kind="PNG", mode=None, **options):
    buffer = io.BytesIO()
    image = Image.fromarray(values)
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def mask(seed, low=0, high=255, size=SIZE):
    values = np.full((size, size), low, np.uint8)
    values[: 2 + seed % 8, 3:9] = high
    return encoded(values)


FOLDERS = {
    f"{name}/{number}.png": encoded(pixels(10 * label + number))
    for label, name in enumerate(CLASSES)
    for number in range(5)
}
BESIDE = {f"images/{number}.png": encoded(pixels(number)) for number in range(5)} | {
    f"masks/{number}.bmp": encoded(np.asarray(Image.open(io.BytesIO(mask(number)))), "BMP") for number in range(5)
}
ROWS = [
    (f"pictures/p{number}.png", CLASSES[number % 2], f"outlines/m{number}.png", f"patient {number // 2}", ("f", "m")[number % 2], str(40 + number))
    for number in range(12)
]  # fmt: skip
COLUMNS = ("file", "class", "mask_file", "patient", "sex", "score")
NAMED = {"image": "file", "label": "class", "mask": "mask_file", "group": "patient"}


def table(rows=ROWS, columns=COLUMNS):
    return "".join(",".join(row) + "\n" for row in (columns, *rows))


TABLE = {f"pictures/p{number}.png": encoded(pixels(number)) for number in range(12)} | {
    f"outlines/m{number}.png": mask(number) for number in range(12)
}
LAYOUTS = {
    "a folder for each class": (Own("mine", CLASSES), FOLDERS),
    "images beside masks": (Own("mine"), BESIDE),
    "a table": (Own("mine", CLASSES, "list.csv", **NAMED), TABLE | {"list.csv": table()}),
}


def prepared(source, own, out, **choice):
    """(arrays, rows of the index, report but for the archive's checksum)."""
    record = record_of("own_mine", source, "folder")
    report = prepare("mine", [record], SIZE, Choice(**choice), out, folder=source, own=own)
    arrays = {path.stem: np.load(path) for path in sorted(out.glob("*.npy"))}
    return arrays, parquet.read_table(out / "index.parquet").to_pylist(), report


def of_content(found):
    arrays, index, report = found
    return [array.tobytes() for array in arrays.values()], index, {k: v for k, v in report.items() if k != "archives"}


@pytest.mark.parametrize(("own", "files"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_zip_gives_what_its_folder_gives(own, files, tmp_path):
    folder = prepared(written(tmp_path / "mine", files), own, tmp_path / "a")
    packed = prepared(zipped(tmp_path / "any.zip", files), own, tmp_path / "b")
    assert of_content(folder) == of_content(packed)
    below = prepared(zipped(tmp_path / "below.zip", {f"top/{name}": one for name, one in files.items()}),
                     own if own.table is None else own_of(own.described() | {"table": "top/list.csv"}, None), tmp_path / "c")  # fmt: skip
    assert [array.tobytes() for array in below[0].values()] == of_content(folder)[0]


def test_folders_are_the_classes(tmp_path):
    arrays, index, report = prepared(written(tmp_path / "mine", FOLDERS), Own("mine", CLASSES), tmp_path / "out")
    assert [(row["id"], row["label"], row["label_name"], row["group"]) for row in index[4:6]] == [
        ("benign/4.png", 0, "benign", ""), ("malignant/0.png", 1, "malignant", "")]  # fmt: skip
    assert list(arrays) == ["images"] and report["classes"] == {"benign": 5, "malignant": 5} and report["groups"] == 0
    for row in index:
        original = np.asarray(Image.open(io.BytesIO(FOLDERS[row["id"]])))
        assert (arrays["images"][row["row"]] == original).all()
    turned = prepared(tmp_path / "mine", Own("mine", CLASSES[::-1]), tmp_path / "turned")[1]
    assert {(row["label"], row["label_name"]) for row in turned} == {(1, "benign"), (0, "malignant")}


def test_images_go_with_masks_of_their_stems(tmp_path):
    arrays, index, report = prepared(written(tmp_path / "mine", BESIDE), Own("mine"), tmp_path / "out")
    for row in index:
        number = int(row["source"].partition("/")[2].partition(".")[0])
        assert (arrays["masks"][row["row"]] == (np.asarray(Image.open(io.BytesIO(mask(number)))) > 127)).all()
    assert report["classes"] == {"unmarked": 0, "marked": 5}


def test_a_table_says_label_mask_group_and_the_rest_is_kept(tmp_path):
    own, files = LAYOUTS["a table"]
    files = files | {
        "pictures/unnamed.png": encoded(pixels(99)),
        ".ipynb_checkpoints/p0.png": b"",
        "__MACOSX/._p1.png": b"",
    }
    arrays, index, report = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")
    assert arrays["masks"].shape == (12, SIZE, SIZE) and report["groups"] == 6
    for number, row in enumerate(index):
        assert (row["id"], row["label_name"], row["group"]) == (ROWS[number][0], ROWS[number][1], ROWS[number][3])
        assert (row["metadata_sex"], row["metadata_score"]) == ROWS[number][4:]
    assert report["dropped"] == {"not in the table": {"count": 1, "files": ["pictures/unnamed.png"]}}


CELLS = {
    "without suffix": lambda path: path.rpartition(".")[0],
    "without folder": lambda path: path.rpartition("/")[2],
    "without both": lambda path: path.rpartition("/")[2].rpartition(".")[0],
    "relative to the table": lambda path: f"../{path}",
    "of Windows": lambda path: path.replace("/", "\\"),
    "with a dot": lambda path: f"./{path}",
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_names_in_a_table_may_be_short(cell, tmp_path):
    rows = [(cell(row[0]), row[1], cell(row[2]), *row[3:]) for row in ROWS]
    mine = LAYOUTS["a table"][0]
    own = Own("mine", CLASSES, "tables/list.csv", **NAMED)
    found = prepared(written(tmp_path / "mine", TABLE | {"tables/list.csv": table(rows)}), own, tmp_path / "out")
    expected = prepared(written(tmp_path / "plain", TABLE | {"list.csv": table()}), mine, tmp_path / "plain_out")
    assert of_content(found)[:2] == of_content(expected)[:2]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_may_lie_elsewhere(kind, tmp_path):
    frame = pd.DataFrame([(*row[:5], int(row[5])) for row in ROWS], columns=COLUMNS)
    frame.loc[3, "score"] = None
    path = tmp_path / f"list.{kind}"
    frame.to_parquet(path) if kind == "parquet" else path.write_text(
        table([(*row[:5], "" if place == 3 else row[5]) for place, row in enumerate(ROWS)])
    )
    own = own_of({"name": "mine", "classes": list(CLASSES), **NAMED}, str(path))
    _, index, report = prepared(written(tmp_path / "mine", TABLE), own, tmp_path / "out")
    assert [row["metadata_score"] for row in index[:5]] == ["40", "41", "42", "", "44"]
    assert len(report["own"]["table"]) == 64 and str(tmp_path) not in str(report["own"])
    within = prepared(
        written(tmp_path / "within", TABLE | {path.name: path.read_bytes()}),
        Own("mine", CLASSES, path.name, **NAMED),
        tmp_path / "b",
    )
    assert within[1] == index


def test_of_copies_the_outermost_is_meant(tmp_path):
    rows = [(row[0].rpartition("/")[2], *row[1:]) for row in ROWS]
    copies = {f"copy/{name}": content for name, content in TABLE.items()}
    own, _ = LAYOUTS["a table"]
    for source in (
        written(tmp_path / "mine", copies | TABLE | {"list.csv": table(rows)}),
        zipped(tmp_path / "a.zip", copies | TABLE | {"list.csv": table(rows)}),
    ):
        _, index, report = prepared(source, own, tmp_path / f"out-{source.name}")
        assert [row["id"] for row in index] == [row[0] for row in ROWS]
        assert report["dropped"]["not in the table"]["files"] == sorted(copies)


def test_limits_keep_groups_whole_or_classes_alike(tmp_path):
    own, files = LAYOUTS["a table"]
    written(tmp_path / "mine", files)
    _, index, _ = prepared(tmp_path / "mine", own, tmp_path / "out", limit=6)
    assert len(index) == 6 and len({row["group"] for row in index}) == 3
    many = {
        f"{name}/{number}.png": encoded(pixels(1000 * label + number))
        for label, name in enumerate(CLASSES)
        for number in range(40)
    }
    _, index, _ = prepared(written(tmp_path / "many", many), Own("mine", CLASSES), tmp_path / "few", limit=50)
    assert [row["label"] for row in index].count(0) == 25


# How files become pixels


def read(tmp_path, first, **options):
    """The first picture of a data set, whose others are as plain as can be where none is given."""
    content = first if isinstance(first, dict) else {"benign/0.png": first}
    own = Own("mine", CLASSES, **options)
    others = {} if options.get("window") else {name: one for name, one in FOLDERS.items() if name != "benign/0.png"}
    arrays, index, _ = prepared(written(tmp_path / "mine", others | content), own, tmp_path / "out")
    return arrays["images"][next(row["row"] for row in index if row["id"].startswith("benign/0."))]


RGB = pixels(7)
GREY = pixels(8, (SIZE, SIZE))
OPAQUE = np.dstack([RGB, np.full((SIZE, SIZE), 255, np.uint8)])
EIGHT_BITS = {
    "RGB as PNG": (encoded(RGB), RGB),
    "RGB as TIFF": (encoded(RGB, "TIFF"), RGB),
    "RGB as BMP": (encoded(RGB, "BMP"), RGB),
    "RGB as WebP": (encoded(RGB, "WEBP", lossless=True), RGB),
    "grey": (encoded(GREY), np.repeat(GREY[..., None], 3, 2)),
    "grey as JPEG": (encoded(np.full((SIZE, SIZE), 77, np.uint8), "JPEG"), np.full((SIZE, SIZE, 3), 77)),
    "black and white": (encoded(GREY > 127), np.repeat(np.where(GREY > 127, 255, 0)[..., None], 3, 2)),
    "palette": (encoded(np.full((SIZE, SIZE, 3), (9, 200, 30), np.uint8), mode="P"), None),
    "opaque": (encoded(OPAQUE), RGB),
}


@pytest.mark.parametrize(("content", "expected"), EIGHT_BITS.values(), ids=EIGHT_BITS)
def test_eight_bits_of_all_kinds_are_read(content, expected, tmp_path):
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) if expected is None else expected
    assert (read(tmp_path, content) == expected).all()


def test_a_photograph_is_the_right_way_up(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by half a circle
    content = encoded(RGB, "TIFF", exif=exif)
    assert (read(tmp_path, {"benign/0.tif": content}, ) [::-1, ::-1] == RGB).all()  # fmt: skip


SIXTEEN = pixels(9, (SIZE, SIZE), 60_000, np.uint16)
DEEP = {
    f"{name}/{number}.png": encoded(pixels(10 * label + number, (SIZE, SIZE), 60_000, np.uint16))
    for label, name in enumerate(CLASSES)
    for number in range(5)
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_windowed(kind, tmp_path):
    files = DEEP | {"benign/0.png": encoded(SIXTEEN, kind)}
    found = read(tmp_path, files, window={"low": 1000, "high": 31_000})
    expected = np.rint((np.clip(SIXTEEN.astype(float), 1000, 31_000) - 1000) / 30_000 * 255)
    assert (found == expected[..., None]).all() and found.min() == 0 and found.max() == 255
    low, high = np.percentile(SIXTEEN, (5, 95))
    own = Own("mine", CLASSES, window={"low": 5, "high": 95, "of_percentiles": True})
    arrays, _, _ = prepared(tmp_path / "mine", own, tmp_path / "percentiles")
    assert (arrays["images"][0][..., 0] == np.rint((np.clip(SIXTEEN, low, high) - low) / (high - low) * 255)).all()


PICTURES = {
    "no picture": (b"%PDF-1.4 not a picture", {}, r"benign/0.png cannot be read \(by its content it is none of PNG, "),
    "half a picture": (FOLDERS["benign/0.png"][:-200], {}, "benign/0.png cannot be read"),
    "16 bits without a window": (encoded(SIXTEEN), {}, r"benign/0.png has 16 bits, with values from \d+ to \d+"),
    "8 bits with a window": (DEEP | {"benign/3.png": encoded(GREY)}, {"window": {"low": 0, "high": 9}}, "benign/3.png has no 16 bits of grey"),
    "16 bits with a sign": (DEEP | {"benign/3.png": cv2.imencode(".tif", GREY.astype(np.int16))[1].tobytes()}, {"window": {"low": 0, "high": 9}}, "benign/3.png is of mode I with 16 bits, which is not read"),
    "fractions with a window": (DEEP | {"benign/3.png": encoded(GREY.astype(np.float32), "TIFF")}, {"window": {"low": 0, "high": 9}}, "benign/3.png is of mode F with 32 bits"),
    "colour of 16 bits": (colour_of_sixteen_bits(), {}, "mode RGB with 16 bits"),
    "transparent": (encoded(np.dstack([RGB, GREY])), {}, "transparent pixels"),
    "inks": (encoded(RGB, "TIFF", mode="CMYK"), {}, "mode CMYK"),
    "fractions": (encoded(GREY.astype(np.float32), "TIFF"), {}, "mode F"),
    "several pages": (encoded(RGB, "TIFF", save_all=True, append_images=[Image.fromarray(RGB)]), {}, "has 2 pages"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("content", "options", "words"), PICTURES.values(), ids=PICTURES)
def test_pictures_that_cannot_be_read_are_named(content, options, words, tmp_path):
    with pytest.raises(UserError, match=words) as caught:
        read(tmp_path, content, **options)
    assert caught.value.remedy and "fetch" not in caught.value.remedy
    assert list((tmp_path / "out").glob("*")) == []


def test_all_bad_pictures_are_named_at_once(tmp_path):
    own, files = LAYOUTS["a table"]
    bad = {f"pictures/p{number}.png": b"?" for number in (2, 5, 7)} | {"outlines/m9.png": mask(9, size=SIZE + 1)}
    with pytest.raises(UserError, match=r"(?s)p2\.png.*\n.*p5\.png.*\n.*p7\.png.*\n.*p9\.png and its mask differ"):
        prepared(written(tmp_path / "mine", files | bad), own, tmp_path / "out")
    many = {f"{name}/{number}.png": b"?" for name in CLASSES for number in range(15)}
    with pytest.raises(UserError, match=r"and 10 more"):
        prepared(written(tmp_path / "many", many), Own("mine", CLASSES), tmp_path / "out")


def test_report_counts_kinds_and_sizes_of_files(tmp_path):
    own, files = LAYOUTS["a table"]
    larger = {
        "pictures/p3.png": encoded(pixels(3, (20, 30))),
        "outlines/m3.png": encoded(pixels(3, (20, 30)) // 128 * 255),
    }
    report = prepared(written(tmp_path / "mine", files | larger), own, tmp_path / "out")[2]
    assert report["files"] == {
        "images": {"PNG, mode RGB, 8 bits": 11, "PNG, mode L, 8 bits": 1}, "masks": {"PNG, mode L, 8 bits": 12},
        "sizes": {"16x16": 11, "30x20": 1}, "different_sizes": 2,
        "mask_values": {"0": 12, "255": 12}, "different_mask_values": 2,
    }  # fmt: skip


MASKS = {
    "another size": ({"outlines/m3.png": mask(3, size=SIZE + 1)}, "p3.png and its mask differ in size"),
    "0 and 1": ({f"outlines/m{number}.png": mask(number, high=1) for number in range(12)}, "none of the 12 masks marks anything"),
    "one of 0 and 1": ({"outlines/m3.png": mask(3, high=1)}, "1 of 12 masks are coloured, or grey"),
    "no picture": ({"outlines/m3.png": b"?"}, "m3.png cannot be read"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("changed", "words"), MASKS.values(), ids=MASKS)
def test_masks_that_do_not_fit_are_named(changed, words, tmp_path):
    own, files = LAYOUTS["a table"]
    with pytest.raises(UserError, match=words):
        prepared(written(tmp_path / "mine", files | changed), own, tmp_path / "out")
    assert list((tmp_path / "out").glob("*")) == []


def test_masks_of_0_and_1_are_read_where_that_is_said(tmp_path):
    own, files = LAYOUTS["a table"]
    expected = prepared(written(tmp_path / "mine", files), own, tmp_path / "out")[0]["masks"]
    ones = {f"outlines/m{number}.png": mask(number, high=1) for number in range(12)}
    above = Own("mine", CLASSES, "list.csv", **NAMED, mask_above=0)
    found = prepared(written(tmp_path / "ones", files | ones), above, tmp_path / "ones_out")[0]["masks"]
    assert (found == expected).all() and found.any()


# What is refused before anything is read


def changed_row(number, place, value):
    rows = [list(row) for row in ROWS]
    rows[number][place] = value
    return {"list.csv": table(rows)}


OWN, FILES = LAYOUTS["a table"]
TABLES = {
    "unknown column": (Own("mine", CLASSES, "list.csv", **NAMED | {"label": "klass"}), {}, "list.csv lacks the column 'klass'; it has file, class"),
    "semicolons": (OWN, {"list.csv": table().replace(",", ";")}, "list.csv lacks the column 'file'; it has file;class"),
    "empty": (OWN, {"list.csv": ""}, "list.csv is empty"),
    "no rows": (OWN, {"list.csv": table([])}, "list.csv has no rows"),
    "a column twice": (OWN, {"list.csv": table(columns=(*COLUMNS[:5], "sex"))}, "list.csv has the column 'sex' twice"),
    "another encoding": (OWN, {"list.csv": table().encode("utf-16")}, "list.csv cannot be read"),
    "a value too many": (OWN, {"list.csv": table() + "a,b,c,d,e,f,g\n"}, "list.csv, line 14, has 7 values, but the first line 6"),
    "unknown class": (OWN, changed_row(4, 1, "odd"), "list.csv, line 6: the class 'odd' is unknown; known are benign, malignant"),
    "no class": (OWN, changed_row(4, 1, ""), "list.csv, line 6, is incomplete"),
    "no group": (OWN, changed_row(4, 3, " "), "list.csv, line 6, is incomplete"),
    "a word for no group": (OWN, changed_row(4, 3, "NaN"), "list.csv, line 6: the group 'NaN' stands for one that is missing"),
    "no mask": (OWN, changed_row(4, 2, ""), "list.csv, line 6, is incomplete: 'mask_file' is empty"),
    "a picture that is not there": (OWN, changed_row(4, 0, "p99.png"), "list.csv, line 6: .* holds no picture p99.png; it holds for example"),
    "other capitals": (OWN, changed_row(4, 0, "P4.png"), "list.csv, line 6: .* holds no picture P4.png, but pictures/p4.png"),
    "another kind of table": (Own("mine", CLASSES, "list.xlsx", **NAMED), {"list.xlsx": b"x"}, "list.xlsx` is neither a file nor a table in"),
    "a mask that is not there": (OWN, changed_row(4, 2, "m99.png"), "list.csv, line 6: .* holds no picture m99.png"),
    "a file that is none": (OWN, {"pictures/p4.dcm": b""} | changed_row(4, 0, "p4.dcm"), "holds no picture p4.dcm"),
    "a picture twice": (OWN, changed_row(4, 0, "p3"), r"list.csv, line 6: pictures/p3.png is named a second time"),
    "a picture as its mask": (OWN, changed_row(4, 2, ROWS[4][0]), "is both picture and mask"),
    "two files of a name": (OWN, {"other/p4.png": b""} | changed_row(4, 0, "p4"), "line 6: p4 may be .*p4.png or .*p4.png"),
    "a class without pictures": (Own("mine", (*CLASSES, "odd"), "list.csv", **NAMED), {}, "no picture has the class 'odd'"),
    "too few groups": (OWN, {"list.csv": table([(*row[:3], f"p{number % 2}", *row[4:]) for number, row in enumerate(ROWS)])}, "The class 'benign' has 1 group, too few"),
    "no table": (Own("mine", CLASSES, "lost.csv", **NAMED), {}, "`table: lost.csv` is neither a file nor a table in "),
    "no table at all": (Own("mine", CLASSES, "pictures/p1.png", **NAMED), {}, "p1.png is neither a .csv nor a .parquet file"),
    "no Parquet": (Own("mine", CLASSES, "list.parquet", **NAMED), {"list.parquet": b"PAR1"}, "list.parquet is no readable Parquet file"),
}  # fmt: skip
WITHOUT_TABLE = {
    "no pictures": (Own("mine", CLASSES), {"benign/a.txt": b"x", "a.csv": b"x"}, "holds no picture"),
    "a folder of no class": (Own("mine", CLASSES), FOLDERS | {"odd/1.png": b""}, r"odd/1.png lies in no folder of a class \(benign, malignant\)"),
    "a class without folder": (Own("mine", (*CLASSES, "odd")), FOLDERS, "no picture has the class 'odd'"),
    "too few of a class": (Own("mine", CLASSES), {name: one for name, one in FOLDERS.items() if name not in ("benign/0.png", "benign/1.png", "benign/2.png")}, "The class 'benign' has 2 pictures, too few"),
    "an image without a mask": (Own("mine"), BESIDE | {"images/9.png": b""}, "9 is in images/ but not in masks/"),
    "a mask without an image": (Own("mine"), BESIDE | {"masks/9.png": b""}, "9 is in masks/ but not in images/"),
    "no folder of masks": (Own("mine"), {name: one for name, one in BESIDE.items() if name.startswith("images")}, "no pictures in a folder masks"),
    "two suffixes": (Own("mine"), BESIDE | {"images/4.jpg": b""}, "differ in nothing but their suffix"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("own", "changed", "words"), TABLES.values(), ids=TABLES)
def test_tables_that_do_not_fit_are_refused_at_planning(own, changed, words, tmp_path):
    with pytest.raises(UserError, match=words) as caught:
        check_own(own, written(tmp_path / "mine", FILES | changed), Choice())
    assert caught.value.problem.startswith("`datasets.mine`: ") and caught.value.remedy


UNFIT = {
    "a date of the year 33658": (pyarrow.array([10**18] * 12, pyarrow.timestamp("us")), "list.parquet: the column 'odd' cannot be read"),
    "letters that are none": (pyarrow.array([b"\xff"] * 12).view(pyarrow.string()), "list.parquet: the column 'odd' cannot be read"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("values", "words"), UNFIT.values(), ids=UNFIT)
def test_values_of_parquet_that_python_cannot_have_are_named(values, words, tmp_path):
    source = written(tmp_path / "mine", TABLE)
    columns = pyarrow.Table.from_pandas(pd.DataFrame(ROWS, columns=COLUMNS)).append_column("odd", values)
    parquet.write_table(columns, source / "list.parquet")
    with pytest.raises(UserError, match=words) as caught:
        check_own(Own("mine", CLASSES, "list.parquet", **NAMED), source, Choice())
    assert "leave it out" in caught.value.remedy


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("own", "files", "remedy"),
    [
        (Own("mine", CLASSES, "list.xlsx", **NAMED), {"list.xlsx": b"x"}, "save it as CSV"),
        (
            Own("mine", CLASSES, "rows.csv", **NAMED),
            {"top/rows.csv": b"x"},
            "write `table: top/rows.csv`, which is there",
        ),
        (OWN, changed_row(4, 2, ""), "a mask that is all black"),
        (OWN, changed_row(4, 0, "P4.png"), "write capitals as they are there"),
        (Own("mine"), "Images", "rename the folder to images, in small letters"),
        (Own("mine"), "_mask", "without what masks/0_mask.png has more"),
    ],
)
def test_remedies_name_the_cause(own, files, remedy, tmp_path):
    if files == "Images":
        files = {name.replace("images/", "Images/"): one for name, one in BESIDE.items()}
    elif files == "_mask":
        files = {f"images/{number}.png": encoded(pixels(number)) for number in range(3)}
        files |= {f"masks/{number}_mask.png": mask(number) for number in range(3)}
    else:
        files = FILES | files
    with pytest.raises(UserError) as caught:
        check_own(own, zipped(tmp_path / "mine.zip", files), Choice())
    assert remedy in caught.value.remedy


@pytest.mark.bad_input
def test_dicom_files_without_a_suffix_are_to_be_renamed(tmp_path):
    pytest.importorskip("pydicom")
    for name, files in (("none", {"a/IM00001": b"x"}), ("some", {"a/IM00001": b"x", "a.csv": b"x"})):
        with pytest.raises(UserError) as caught:
            check_own(Own("mine", CLASSES, format="dicom"), written(tmp_path / name, files), Choice())
        assert "rename them to IM00001.dcm" in caught.value.remedy


@pytest.mark.bad_input
@pytest.mark.parametrize("write", [written, zipped])
def test_dicom_files_without_a_suffix_are_not_passed_over_beside_others(tmp_path, write):
    """A directory of the medium is none, and neither is what else lies there; hidden in a folder or in a zip alike."""
    pytest.importorskip("pydicom")
    head = bytes(128) + b"DICM"
    files = {f"{name}/{number}.dcm": head for name in CLASSES for number in range(9)}
    own = Own("mine", CLASSES, format="dicom")
    others = {"DICOMDIR": head, "LICENSE": b"free"}
    check_own(own, write(tmp_path / "good.zip", files | others), Choice())
    with pytest.raises(UserError) as caught:
        check_own(
            own,
            write(tmp_path / "bare.zip", files | others | {"benign/IM00002": head, "malignant/IM00001": head}),
            Choice(),
        )
    assert "benign/IM00002 and 1 more are DICOM files without the suffix .dcm" in caught.value.problem
    assert "rename such files, IM00002 to IM00002.dcm" in caught.value.remedy


def test_one_group_is_told_as_one():
    pictures = [Picture(str(place), Member(0, str(place)), None, 0, "a") for place in range(4)]
    with pytest.raises(UserError, match="The class 'x' has 1 group, too few"):
        check_divisible(pictures, ["x"])


@pytest.mark.bad_input
def test_where_a_limit_leaves_too_little_the_limit_is_named(tmp_path):
    with pytest.raises(UserError, match=r"has \d groups, too few") as caught:
        check_own(OWN, written(tmp_path / "mine", FILES | {"list.csv": table()}), Choice(limit=4))
    assert caught.value.remedy.startswith("raise `limit: 4`, ")


def test_pictures_in_other_folders_than_images_and_masks_are_reported(tmp_path):
    beside = {"overview.png": encoded(pixels(50)), "image/9.png": encoded(pixels(51))}
    report = prepared(written(tmp_path / "mine", BESIDE | beside), Own("mine"), tmp_path / "out")[2]
    told = report["dropped"]["neither in images/ nor in masks/"]
    assert sorted(told["files"]) == sorted(beside) and report["kept"] == 5


def test_a_table_below_the_source_is_the_same_by_either_name(tmp_path):
    rows = [(f"../{row[0]}", row[1], f"../{row[2]}", *row[3:]) for row in ROWS]
    source = written(tmp_path / "mine", TABLE | {"tables/list.csv": table(rows)})
    within = prepared(source, Own("mine", CLASSES, "tables/list.csv", **NAMED), tmp_path / "a")
    named = own_of({"name": "mine", "classes": list(CLASSES), **NAMED}, str(source / "tables/list.csv"))
    assert of_content(prepared(source, named, tmp_path / "b"))[:2] == of_content(within)[:2]


def test_columns_without_a_name_are_passed_over(tmp_path):
    """The numbers of rows that pandas writes, and what spreadsheets leave at the end."""
    rows = [(str(number), *row, "", " ") for number, row in enumerate(ROWS)]
    files = TABLE | {"list.csv": table(rows, ("", *COLUMNS, "", " "))}
    found = prepared(written(tmp_path / "mine", files), OWN, tmp_path / "a")
    plain = prepared(written(tmp_path / "plain", TABLE | {"list.csv": table()}), OWN, tmp_path / "b")
    assert of_content(found)[:2] == of_content(plain)[:2] and "metadata_" not in found[1][0]


ACCENTS = ("gutartig", "bösartig")


def as_macos(text):
    """A text with letters and their accents apart, as macOS writes names of files."""
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize("spelled", [(as_macos, str), (str, as_macos)], ids=["files", "table"])
def test_letters_and_accents_may_be_apart(spelled, tmp_path):
    """In names of files, of folders and of the table, and in its columns, paths, classes and groups: two spellings are one patient."""
    of_files, of_table = spelled
    rows = [(of_table(f"Übersicht/é{number}.png"), of_table(ACCENTS[number % 2]), (of_table, str)[number % 2](f"Jäger{number // 2}"))
            for number in range(12)]  # fmt: skip
    files = {of_files(f"Übersicht/é{number}.png"): encoded(pixels(number)) for number in range(12)}
    listed = {of_files("Größe.csv"): table(rows, (of_table("Maß"), "class", of_table("Fälle")))}
    own = Own("mine", ACCENTS, "Größe.csv", image="Maß", label="class", group="Fälle")
    _, index, report = prepared(written(tmp_path / "mine", files | listed), own, tmp_path / "a")
    assert report["classes"] == dict.fromkeys(ACCENTS, 6) and {row["group"] for row in index} == {
        f"Jäger{number}" for number in range(6)
    }
    folders = {of_files(f"{ACCENTS[number % 2]}/{number}.png"): one for number, one in enumerate(files.values())}
    _, _, report = prepared(written(tmp_path / "folders", folders), Own("mine", ACCENTS), tmp_path / "b")
    assert report["classes"] == dict.fromkeys(ACCENTS, 6)
    beside = {of_files(f"images/é{number}.png"): encoded(pixels(number)) for number in range(5)} | {
        of_table(f"masks/é{number}.png"): mask(number) for number in range(5)
    }
    assert prepared(written(tmp_path / "beside", beside), Own("mine"), tmp_path / "c")[2]["kept"] == 5


def test_absolute_paths_into_the_source_are_those_of_its_pictures(tmp_path):
    source = tmp_path / "mine"
    rows = [(str(source / row[0]), row[1], str(source / row[2]), *row[3:]) for row in ROWS]
    _, index, _ = prepared(written(source, TABLE | {"list.csv": table(rows)}), OWN, tmp_path / "out")
    assert [row["id"] for row in index] == [row[0] for row in ROWS]


@pytest.mark.bad_input
def test_a_damaged_zip_of_ones_own_is_not_to_be_fetched_again(tmp_path):
    own, files = LAYOUTS["a folder for each class"]
    path = zipped(tmp_path / "mine.zip", files)
    record = record_of("own_mine", path, "folder")
    content = bytearray(path.read_bytes())
    content[content.index(b"malignant/2.png") + 40] ^= 255
    path.write_bytes(content)
    record["sha256"] = sha256_of(path)
    with pytest.raises(UserError, match=r"malignant/2\.png cannot be read") as caught:
        prepare("mine", [record], SIZE, Choice(), tmp_path / "out", folder=path, own=own)
    assert caught.value.remedy.startswith("export it again") and "fetch" not in caught.value.remedy


@pytest.mark.bad_input
@pytest.mark.parametrize(("own", "files", "words"), WITHOUT_TABLE.values(), ids=WITHOUT_TABLE)
def test_folders_that_do_not_fit_are_refused_at_planning(own, files, words, tmp_path):
    for source in (written(tmp_path / "mine", files), zipped(tmp_path / "mine.zip", files)):
        with pytest.raises(UserError, match=words) as caught:
            check_own(own, source, Choice())
        assert caught.value.problem.startswith("`datasets.mine`: ") or source.is_dir()


@pytest.mark.bad_input
def test_what_is_neither_folder_nor_zip_is_refused(tmp_path):
    own = Own("mine", CLASSES)
    for name, words in (("a.tar", "is neither a folder nor a zip"), ("a.zip", "is no zip file")):
        (tmp_path / name).write_bytes(b"x" * 100)
        with pytest.raises(UserError, match=rf"`datasets.mine.source.*{words}"):
            check_own(own, tmp_path / name, Choice())
    with pytest.raises(UserError, match=r"holds none of \.png"):
        check_own(own, written(tmp_path / "empty", {"a.txt": "x"}), Choice())


def test_a_fault_of_the_machine_stays_one(tmp_path, monkeypatch):
    source = written(tmp_path / "mine", FOLDERS)
    monkeypatch.setattr("kdml.data.unpacked.Unpacked.names", fails)
    with pytest.raises(MachineError, match="broken"):
        check_own(Own("mine", CLASSES), source, Choice())


def fails(*_):
    raise MachineError("The disk is broken.", "get another one")


def test_only_pictures_and_tables_decide_what_a_folder_is(tmp_path):
    _own, files = LAYOUTS["a table"]
    written(tmp_path / "mine", files)
    before = record_of("own_mine", tmp_path / "mine", "folder")
    written(tmp_path / "mine", {"notes.txt": "x", "pictures/Thumbs.db": "x"})
    shutil.move(tmp_path / "mine", tmp_path / "elsewhere")
    after = record_of("own_mine", tmp_path / "elsewhere", "folder")
    assert {k: v for k, v in before.items() if k != "path"} == {k: v for k, v in after.items() if k != "path"}
    written(tmp_path / "elsewhere", changed_row(3, 4, "x"))
    assert record_of("own_mine", tmp_path / "elsewhere", "folder")["fingerprint"] != before["fingerprint"]
