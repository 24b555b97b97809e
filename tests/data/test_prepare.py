"""Archives to arrays: every trap of the four archives in small, and what real ones hold."""

import csv
import errno
import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from kdml.common.errors import MachineError, UserError
from kdml.common.files import sha256_of
from kdml.common.locks import alone_in
from kdml.data.archives import ARCHIVES_OF, in_folder, path_of, record_of, way_to
from kdml.data.layouts import KNOWN_BAD_PATCHES, Choice
from kdml.data.prepare import prepare
from kdml.data.reader import difference_hash
from kdml.data.zipped import Zipped
from kdml.experiment.datasets import DATASETS

SIZE = 16


def picture(seed, size=SIZE, mode="RGB", suffix="tif"):
    """Bytes of a random image."""
    shape = (size, size, 3) if mode == "RGB" else (size, size)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return encoded(Image.fromarray(pixels), suffix)


def encoded(image, suffix):
    buffer = io.BytesIO()
    image.save(buffer, {"tif": "TIFF", "jpg": "JPEG", "png": "PNG"}[suffix])
    return buffer.getvalue()


def mask(lesion, size=SIZE, suffix="tif"):
    pixels = np.zeros((size, size), dtype=np.uint8)
    if lesion:
        pixels[2:7, 3:9] = 255
    return encoded(Image.fromarray(pixels), suffix)


def table(header, rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *rows])
    return buffer.getvalue()


def hcd(n=12):
    files = {f"train/p{i:02d}.tif": picture(i) for i in range(n)}
    files["train_labels.csv"] = table(["id", "label"], [(f"p{i:02d}", i % 2) for i in range(n)])
    return {
        "histopathologic-cancer-detection": files | {"test/q.tif": picture(99), "sample_submission.csv": "id,label\n"}
    }


def lgg():
    files = {}
    for patient in range(3):
        folder = f"kaggle_3m/TCGA_CS_49{patient}0_19990909"
        for k in range(4):
            stem = f"{folder}/TCGA_CS_49{patient}0_19990909_{k + 8}"
            files[f"{stem}.tif"], files[f"{stem}_mask.tif"] = picture(10 * patient + k), mask(k % 2)
    doubled = {f"lgg-mri-segmentation/{name}": content for name, content in files.items() if "TCGA_CS_4900" in name}
    return {"lgg-mri-segmentation": files | doubled | {"kaggle_3m/data.csv": "Patient\n"}}


def ham10000(n=14):
    classes = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    images = {f"HAM10000_images_part_{1 + i % 2}/ISIC_{i:07d}.jpg": picture(i, suffix="jpg") for i in range(n)}
    images["ham10000_images_part_1/ISIC_0000000.jpg"] = images["HAM10000_images_part_1/ISIC_0000000.jpg"]
    rows = [(f"HAM_{i // 2}", f"ISIC_{i:07d}", classes[i // 2 % 7], "histo") for i in range(n)]
    images["HAM10000_metadata.csv"] = table(["lesion_id", "image_id", "dx", "dx_type"], rows)
    masks = {
        f"HAM10000_segmentations_lesion_tschandl/ISIC_{i:07d}_segmentation.png": mask(True, suffix="png")
        for i in range(n)
    }
    return {"skin-cancer-mnist-ham10000": images, "ham10000-lesion-segmentations": masks}


DRAWN = {"hcd": hcd, "lgg": lgg, "ham10000": ham10000}


def pack(folder, archives):
    """Write archives; return their records."""
    records = []
    for name, files in archives.items():
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as file:
            for member, content in files.items():
                file.writestr(member, content)
        records.append(record_of(name, folder / f"{name}.zip", "folder"))
    return records


def prepared(folder, dataset, archives, **choice):
    report = prepare(dataset, pack(folder, archives), SIZE, Choice(**choice), folder / "out")
    index = parquet.read_table(folder / "out/index.parquet").to_pylist()
    masks = folder / "out/masks.npy"
    return report, index, np.load(folder / "out/images.npy"), np.load(masks) if masks.exists() else None


def test_hcd(tmp_path):
    report, index, images, masks = prepared(tmp_path, "hcd", hcd())
    assert masks is None and images.shape == (12, SIZE, SIZE, 3) and len(index) == 12
    assert report["classes"] == {"normal": 6, "metastasis": 6} and report["groups"] == 0
    for row in index:
        number = int(row["id"][1:])
        assert row["label"] == number % 2 and row["source"] == f"train/{row['id']}.tif"
        expected = np.asarray(Image.open(io.BytesIO(picture(number))))
        assert np.array_equal(images[row["row"]], expected)
    on_disk = json.loads((tmp_path / "out/report.json").read_text())
    assert on_disk == report and set(report["sha256"]) == {"images"}


def test_hcd_subset_is_balanced_and_drawn_by_the_seed(tmp_path):
    ids = {}
    for seed in (0, 0, 1):
        _, index, *_ = prepared(tmp_path, "hcd", hcd(40), subset=10, seed=seed)
        assert sorted(row["label"] for row in index) == [0] * 5 + [1] * 5
        ids.setdefault(seed, []).append(tuple(row["id"] for row in index))
    assert ids[0][0] == ids[0][1] != ids[1][0]


def test_hcd_known_bad_patches_and_slides(tmp_path):
    archives = hcd()
    files = archives["histopathologic-cancer-detection"]
    bad = next(iter(KNOWN_BAD_PATCHES))
    files[f"train/{bad}.tif"] = b"not a picture"
    files["train_labels.csv"] += f"{bad},0\r\n"
    slides = tmp_path / "slides.csv"
    slides.write_text("id,wsi\np00,tumor_001\np01,normal_001\nunknown,tumor_002\n")
    report, index, *_ = prepared(tmp_path, "hcd", archives, slides=slides)
    assert [dropped["files"] for dropped in report["dropped"].values()] == [[bad]]
    assert {row["id"]: row["group"] for row in index if row["group"]} == {"p00": "tumor_001", "p01": "normal_001"}


def test_lgg(tmp_path):
    report, index, images, masks = prepared(tmp_path, "lgg", lgg())
    assert images.shape == (12, SIZE, SIZE, 3) and masks.shape == (12, SIZE, SIZE) and set(np.unique(masks)) == {0, 1}
    assert report["dropped"]["doubled folder"]["count"] == 8 and report["groups"] == 3
    assert [row["id"].rpartition("_")[2] for row in index[:4]] == [
        "8",
        "9",
        "10",
        "11",
    ]  # slices in the order of the scan
    for row in index:
        assert row["group"] == row["id"].rsplit("_", 2)[0] and row["label"] == int(masks[row["row"]].any())
        assert masks[row["row"]].sum() in (0, 30)


def metadata_of(row):
    return {name.removeprefix("metadata_"): value for name, value in row.items() if name.startswith("metadata_")}


def test_lgg_metadata_is_of_patients(tmp_path):
    archives = lgg()
    rows = [
        ("TCGA_CS_4900", "2", "67", "1"),
        ("TCGA_CS_4920", "", "44", "2"),
    ]  # one without sex, one patient without row
    named = ["Patient", "gender", "age_at_initial_pathologic", "neoplasm_histologic_grade"]
    archives["lgg-mri-segmentation"]["kaggle_3m/data.csv"] = table(named, rows)
    _, index, images, _ = prepared(tmp_path, "lgg", archives)
    found = {row["group"]: metadata_of(row) for row in index}
    assert found == {
        "TCGA_CS_4900": {"institution": "CS", "sex": "2", "age": "67", "grade": "1"},
        "TCGA_CS_4910": {"institution": "CS", "sex": "", "age": "", "grade": ""},
        "TCGA_CS_4920": {"institution": "CS", "sex": "", "age": "44", "grade": "2"},
    }
    del archives["lgg-mri-segmentation"]["kaggle_3m/data.csv"]
    (tmp_path / "without").mkdir()
    _, index, others, _ = prepared(tmp_path / "without", "lgg", archives)
    assert {tuple(metadata_of(row).items()) for row in index} == {(("institution", "CS"),)}
    assert np.array_equal(images, others), "metadata changes no pixel"


def test_lgg_limit_takes_whole_patients(tmp_path):
    _, index, *_ = prepared(tmp_path, "lgg", lgg(), limit=5)
    sizes = {row["group"]: sum(other["group"] == row["group"] for other in index) for row in index}
    assert sizes and len(index) == 8 and set(sizes.values()) == {4}


def test_ham10000(tmp_path):
    report, index, _, masks = prepared(tmp_path, "ham10000", ham10000())
    assert len(index) == 14 and masks.shape[0] == 14 and report["groups"] == 7
    assert report["dropped"]["doubled folder"]["count"] == 1
    assert [row["label_name"] for row in index[:4]] == ["akiec", "akiec", "bcc", "bcc"] and index[2]["label"] == 1


def test_ham10000_metadata_is_that_of_the_table(tmp_path):
    archives = ham10000()
    content = archives["skin-cancer-mnist-ham10000"]
    _, index, *_ = prepared(tmp_path, "ham10000", archives)
    assert {tuple(metadata_of(row).items()) for row in index} == {(("dx_type", "histo"),)}
    named = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    classes = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    rows = [
        (f"HAM_{i // 2}", f"ISIC_{i:07d}", classes[i // 2 % 7], "histo", 5.0 * i, "male", "back") for i in range(14)
    ]
    content["HAM10000_metadata.csv"] = table(named, rows)
    (tmp_path / "more").mkdir()
    _, index, *_ = prepared(tmp_path / "more", "ham10000", archives)
    assert metadata_of(index[3]) == {"sex": "male", "age": "15.0", "site": "back", "dx_type": "histo"}


def test_ham10000_limit_keeps_every_class(tmp_path):
    _, index, *_ = prepared(tmp_path, "ham10000", ham10000(140), limit=70)
    assert {row["label"] for row in index} == set(range(7))


def test_equal_content_is_kept_once_and_conflicting_labels_not_at_all(tmp_path):
    archives = hcd()
    files = archives["histopathologic-cancer-detection"]
    files["train/p02.tif"] = files["train/p00.tif"]  # same class
    files["train/p05.tif"] = files["train/p04.tif"]  # different classes
    report, index, images, _ = prepared(tmp_path, "hcd", archives)
    kept = {row["id"] for row in index}
    assert kept == {f"p{i:02d}" for i in (0, 1, 3, 6, 7, 8, 9, 10, 11)}
    assert report["dropped"]["same content as another picture"]["files"] == ["p02"]
    assert sorted(report["dropped"]["same content with different labels"]["files"]) == ["p04", "p05"]
    for row in index:  # rows of dropped pictures do not shift the others
        assert np.array_equal(images[row["row"]], np.asarray(Image.open(io.BytesIO(files[row["source"]]))))
    assert report["kept"] == 9


def test_images_are_resized(tmp_path):
    report = prepare("hcd", pack(tmp_path, hcd()), 32, Choice(), tmp_path / "out", threads=3)
    assert np.load(tmp_path / "out/images.npy", mmap_mode="r").shape == (12, 32, 32, 3) and report["size"] == 32


def test_number_of_threads_changes_nothing(tmp_path):
    sums = []
    for threads in (1, 4):
        sums.append(prepare("lgg", pack(tmp_path, lgg()), SIZE, Choice(), tmp_path / "out", threads)["sha256"])
    assert sums[0] == sums[1]


def test_pictures_are_written_in_order_however_many_are_read_at_once(tmp_path, monkeypatch):
    packed = pack(tmp_path, lgg())  # once: a zip holds the time
    whole = prepare("lgg", packed, SIZE, Choice(), tmp_path / "out")
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for name in ("images", "masks"):
        array = np.load(tmp_path / f"out/{name}.npy")
        np.save(tmp_path / "again.npy", array)
        assert (tmp_path / "again.npy").read_bytes() == files[f"{name}.npy"] and array.any()
    monkeypatch.setattr("kdml.data.prepare.READ_AT_ONCE", 2)
    assert prepare("lgg", packed, SIZE, Choice(), tmp_path / "out") == whole
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files


def test_two_processes_do_not_prepare_one_data_set(tmp_path):
    (tmp_path / "out").mkdir()
    with alone_in(tmp_path / "out"), pytest.raises(MachineError, match=r"Another process writes to .*out"):
        prepared(tmp_path, "hcd", hcd())
    assert list((tmp_path / "out").iterdir()) == []
    prepared(tmp_path, "hcd", hcd())


def test_a_preparation_that_fails_late_leaves_the_old_one_whole(tmp_path, monkeypatch):
    """Not new images beside an old table."""
    prepared(tmp_path, "hcd", hcd())
    old = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def full(path, rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("kdml.data.prepare.write_index", full)
    with pytest.raises(MachineError, match="No space left on device"):
        prepared(tmp_path, "hcd", hcd(10))
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == old


def test_difference_hash_tells_look_alikes():
    smooth = np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3)
    image = (np.sin(smooth / 20) * 100 + 120).astype(np.uint8)
    other = np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8)
    distance = lambda a, b: (int(difference_hash(a), 16) ^ int(difference_hash(b), 16)).bit_count()  # noqa: E731
    assert len(difference_hash(image)) == 16
    assert distance(image, np.clip(image.astype(int) + 4, 0, 255).astype(np.uint8)) <= 4 < distance(image, other)


@pytest.mark.parametrize("dataset", DRAWN)
@pytest.mark.parametrize("prefix", ["", "__MACOSX/"])
def test_what_macos_adds_is_no_picture(tmp_path, dataset, prefix):
    expected, *_ = prepared(tmp_path, dataset, DRAWN[dataset]())
    archives = DRAWN[dataset]()
    for files in archives.values():
        beside = {name.rpartition("/") for name in files}
        files |= {f"{prefix}{folder}{slash}._{base}": b"\0\5\x16\7" for folder, slash, base in beside}
    report, *_ = prepared(tmp_path, dataset, archives)
    assert report | {"archives": {}} == expected | {"archives": {}}


@pytest.mark.parametrize("dataset", DRAWN)
def test_masks_are_where_the_rules_expect_them(tmp_path, dataset):
    *_, masks = prepared(tmp_path, dataset, DRAWN[dataset]())
    assert (masks is not None) == DATASETS[dataset].has_masks


def test_slides_are_recorded_by_content(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("id,wsi\np00,tumor_001\n")
    reports = [
        prepared(tmp_path, "hcd", hcd(), slides=slides)[0] for slides in (tmp_path / "a.csv", tmp_path / "b.csv", None)
    ]
    digests = [report["choice"]["slides"] for report in reports]
    assert digests[0] == digests[1] == sha256_of(tmp_path / "a.csv") and digests[2] is None


def drop(name):
    return lambda files: files.pop(name)


def put(name, content):
    return lambda files: files.update({name: content})


def append(name, text):
    return lambda files: files.update({name: files[name] + text})


def replace(name, old, new):
    return lambda files: files.update({name: files[name].replace(old, new)})


PATCHES, SLICES, MASK = "train_labels.csv", "kaggle_3m/TCGA_CS_4900_19990909", "HAM10000_segmentations_lesion_tschandl/"
ALL_POSITIVE = table(["id", "label"], [(f"p{i:02d}", 1) for i in range(12)])


def without_pictures(files):
    for name in [name for name in files if name.endswith(".tif")]:
        del files[name]


def rename_patient(files):
    for suffix in ("", "_mask"):
        files[f"kaggle_3m/x/scan_1{suffix}.tif"] = files[f"{LGG}{suffix}.tif"]


def redraw_masks(how):
    def spoil(files):
        for name in [name for name in files if "_mask" in name or "_segmentation" in name]:
            marked = np.asarray(Image.open(io.BytesIO(files[name]))) > 127
            files[name] = encoded(Image.fromarray(how(marked)), name[-3:])

    return spoil


def zero_one(marked):
    return marked.astype(np.uint8)


def black(marked):
    return np.zeros(marked.shape, np.uint8)


def red(marked):
    return np.stack([marked * 255, marked * 0, marked * 0, marked * 255], axis=-1).astype(np.uint8)


def two(marked):
    return marked.astype(np.uint8) * 2


def white(marked):
    return np.full(marked.shape, 255, np.uint8)


def in_colour(*colour):
    """Masks of the three channels; those that are white in grey values would have been taken without a word."""
    return lambda marked: np.where(marked[..., None], np.uint8(colour), np.uint8(0))


def deep(marked):
    return marked.astype(np.uint16)


def floating(marked):
    return marked.astype(np.float32)


def redraw_one(how):
    """One mask of many, the first that marks something."""

    def spoil(files):
        name = f"{SLICES}/TCGA_CS_4900_19990909_9_mask.tif"
        marked = np.asarray(Image.open(io.BytesIO(files[name]))) > 127
        content = encoded(Image.fromarray(how(marked)), "tif")
        files |= {name: content, f"lgg-mri-segmentation/{name}": content}

    return spoil


def promising(width, height):
    """A PNG whose header promises so many pixels, and nothing more."""
    header = b"IHDR" + struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + header + struct.pack(">L", zlib.crc32(header)) + b"\0\0\1\0IDAT"
    )


HAM, HAM_TABLE = "HAM10000_images_part_1/ISIC_0000002.jpg", "HAM10000_metadata.csv"
LGG = "kaggle_3m/TCGA_CS_4910_19990909/TCGA_CS_4910_19990909_8"
BAD_CONTENT = {
    "no table of labels": ("hcd", 0, drop("train_labels.csv"), ["has no train_labels.csv"]),
    "table without column": ("hcd", 0, replace("train_labels.csv", "label", "class"), ["lacks the column 'label'"]),
    "empty table": ("hcd", 0, put("train_labels.csv", ""), ["train_labels.csv is empty"]),
    "table with header only": ("hcd", 0, put("train_labels.csv", "id,label\n"), ["train_labels.csv has no rows"]),
    "truncated table": ("hcd", 0, append("train_labels.csv", "p99"), ["train_labels.csv, line 14, is incomplete"]),
    "label of wrong type": ("hcd", 0, replace("train_labels.csv", "p03,1", "p03,yes"), ["label of p03 is 'yes'"]),
    "label without image": ("hcd", 0, drop("train/p03.tif"), ["p03 is in train_labels.csv but not in train/"]),
    "image without label": ("hcd", 0, put("train/p77.tif", picture(77)), ["p77 is in train/ but not in train_labels.csv"]),
    "damaged image": ("hcd", 0, put("train/p03.tif", b"II*\0broken"), ["train/p03.tif cannot be read"]),
    "truncated image": ("hcd", 0, put("train/p03.tif", picture(3, 64)[:900]), ["train/p03.tif cannot be read"]),
    "empty image": ("hcd", 0, put("train/p03.tif", b""), ["train/p03.tif cannot be read"]),
    "grey image": ("hcd", 0, put("train/p03.tif", picture(3, mode="L")), ["train/p03.tif is not an RGB image", "mode L"]),
    "one class only": ("hcd", 0, put(PATCHES, ALL_POSITIVE), ["one of the two classes"]),
    "no pictures": ("lgg", 0, without_pictures, ["none of the expected pictures"]),
    "mask without image": ("lgg", 0, drop(f"{LGG}.tif"), [f"{LGG.removeprefix('kaggle_3m/')} is in its masks but not in the images"]),
    "image without mask": ("lgg", 0, drop(f"{LGG}_mask.tif"), ["is in the images in kaggle_3m/ but not in its masks"]),
    "mask of another size": ("lgg", 0, put(f"{LGG}_mask.tif", mask(True, 24)), ["and its mask differ in size (16x16 and 24x24)"]),
    "name without patient": ("lgg", 0, rename_patient, ["does not start with TCGA"]),
    "double that differs": ("lgg", 0, put(f"lgg-mri-segmentation/{SLICES}/TCGA_CS_4900_19990909_8.tif", picture(5)), ["one name but not one content"]),
    "unknown class": ("ham10000", 0, replace(HAM_TABLE, "bcc", "wart"), ["ISIC_0000002 has the unknown class 'wart'", "known are akiec"]),
    "over-sampled table": ("ham10000", 0, append(HAM_TABLE, "HAM_1,ISIC_0000002,bcc,histo\r\n"), ["lists ISIC_0000002 more than once", "over-sampled"]),
    "photograph missing": ("ham10000", 0, drop(HAM), ["ISIC_0000002 is in HAM10000_metadata.csv but not in the image folders"]),
    "masks of 0 and 1": ("ham10000", 1, redraw_masks(zero_one), ["none of the 14 masks marks anything", "ISIC_0000000_segmentation.png (mode L) has the grey values 0, 1;"]),
    "coloured masks": ("ham10000", 1, redraw_masks(red), ["none of the 14 masks marks anything", "(mode RGBA) has the grey values 0, 76;"]),
    "black masks": ("lgg", 0, redraw_masks(black), ["none of the 12 masks marks anything", "has the grey values 0;"]),
    "masks of 0 and 2": ("lgg", 0, redraw_masks(two), ["none of the 12 masks marks anything", "has the grey values 0, 2;"]),
    "masks in 16 bits of 0 and 1": ("ham10000", 1, redraw_masks(deep), ["none of the 14 masks marks anything"]),
    "masks of floats": ("lgg", 0, redraw_masks(floating), ["none of the 12 masks marks anything", "mode F"]),
    "white masks": ("ham10000", 1, redraw_masks(white), ["all of the 14 masks mark every pixel", "has the grey values 255;"]),
    "green masks": ("ham10000", 1, redraw_masks(in_colour(0, 255, 0)), ["14 of 14 masks are coloured", "(mode RGB)"]),
    "yellow masks": ("ham10000", 1, redraw_masks(in_colour(255, 255, 0)), ["14 of 14 masks are coloured"]),
    "one mask of 0 and 1": ("lgg", 0, redraw_one(zero_one), ["1 of 12 masks are coloured, or grey without anything marked", "_9_mask.tif (mode L) has the grey values 0, 1;"]),
    "one red mask": ("lgg", 0, redraw_one(in_colour(255, 0, 0)), ["1 of 12 masks", "_9_mask.tif (mode RGB)"]),
    "header that promises gigabytes": ("hcd", 0, put("train/p03.tif", promising(60_000, 60_000)), ["train/p03.tif cannot be read (Image size (3600000000 pixels)", "or leave it out"]),
    "header that promises too much": ("hcd", 0, put("train/p03.tif", promising(9_000, 9_000)), ["train/p03.tif has 9000 x 9000 pixels", "leave it out"]),
    "mask that promises too much": ("ham10000", 1, put(f"{MASK}ISIC_0000002_segmentation.png", promising(9_000, 9_000)), ["ISIC_0000002_segmentation.png has 9000 x 9000 pixels"]),
    "line with too many values": ("hcd", 0, append("train_labels.csv", "p99,1,2\r\n"), ["train_labels.csv, line 14, has more values"]),
    "column twice": ("hcd", 0, replace("train_labels.csv", "id,label", "id,id"), ["train_labels.csv lacks the column 'label'"]),
    "names of another set": ("hcd", 0, put("train_labels.csv", table(["id", "label"], [(f"q{i}", i % 2) for i in range(12)])), ["None of the 12 names of train_labels.csv is in train/: for example q0 there, p00 here"]),
    "table in another encoding": ("hcd", 0, put("train_labels.csv", "id,label\r\np00,é".encode("latin-1")), ["train_labels.csv is damaged"]),
    "broken picture in a sound archive": ("hcd", 0, put("train/p03.tif", b"broken"), ["train/p03.tif cannot be read", "or replace it in the archive"]),
    "mask missing": ("ham10000", 1, drop(f"{MASK}ISIC_0000002_segmentation.png"), ["ISIC_0000002", "not in the archive of masks"]),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("dataset", "which", "spoil", "words"), BAD_CONTENT.values(), ids=BAD_CONTENT)
def test_bad_content_is_named_and_earlier_results_stay(tmp_path, dataset, which, spoil, words):
    prepared(tmp_path, dataset, DRAWN[dataset]())
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    archives = DRAWN[dataset]()
    spoil(list(archives.values())[which])
    with pytest.raises(UserError) as caught:
        prepared(tmp_path, dataset, archives)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_bad_slide_tables(tmp_path):
    slides = tmp_path / "slides.csv"
    with pytest.raises(UserError, match=r"`slides`: .*does not exist"):
        prepared(tmp_path, "hcd", hcd(), slides=slides)
    slides.write_text("patch,slide\na,b\n")
    with pytest.raises(UserError, match="lacks the column 'id'"):
        prepared(tmp_path, "hcd", hcd(), slides=slides)


def zip_with(path, name, content=b"x", link=False):
    with zipfile.ZipFile(path, "w") as file:
        member = zipfile.ZipInfo(name)
        if link:
            member.external_attr = 0o120777 << 16
        file.writestr(member, content)


def cut(path):
    zip_with(path, "a.txt", bytes(5000))
    path.write_bytes(path.read_bytes()[:3000])


BAD_ARCHIVES = {
    "missing": (lambda p: None, "is no zip file"),
    "empty file": (lambda p: p.write_bytes(b""), "is no zip file"),
    "no zip": (lambda p: p.write_text("<html>"), "is no zip file"),
    "truncated": (cut, "is no zip file, or only a part of one"),
    "no members": (lambda p: zipfile.ZipFile(p, "w").close(), "is empty"),
    "absolute path": (lambda p: zip_with(p, "/etc/passwd"), "unsafe member: '/etc/passwd'"),
    "path upwards": (lambda p: zip_with(p, "train/../../x"), "unsafe member"),
    "windows path": (lambda p: zip_with(p, "C:/x"), "unsafe member"),
    "link": (lambda p: zip_with(p, "train/a.tif", b"/etc/passwd", link=True), "unsafe member"),
}


@pytest.mark.parametrize(("make", "word"), BAD_ARCHIVES.values(), ids=BAD_ARCHIVES)
def test_bad_archives_are_named(tmp_path, make, word):
    path = tmp_path / "archive.zip"
    make(path)
    with pytest.raises(UserError) as caught:
        Zipped(path).check()
    assert word in str(caught.value) and str(path) in str(caught.value)


def test_corrupt_member_is_found_when_it_is_read(tmp_path):
    records = pack(tmp_path, hcd())
    path = tmp_path / "histopathologic-cancer-detection.zip"
    whole = path.read_bytes()
    place = whole.index(picture(3)) + 100
    path.write_bytes(whole[:place] + b"\xff\x00\xff" + whole[place + 3 :])
    records = [record_of(records[0]["archive"], path, "folder")]
    with pytest.raises(UserError, match=r"train/p03\.tif cannot be read") as caught:
        prepare("hcd", records, SIZE, Choice(), tmp_path / "out")
    assert path.name in str(caught.value) and not list((tmp_path / "out").glob("*"))


def test_archive_that_changed_or_went_since_it_was_recorded(tmp_path):
    (record,) = pack(tmp_path, hcd())
    path = tmp_path / "histopathologic-cancer-detection.zip"
    assert path_of(record) == path
    pack(tmp_path, hcd(14))
    with pytest.raises(UserError, match="has changed since"):
        path_of(record)
    path.unlink()
    with pytest.raises(UserError, match="has gone since"):
        path_of(record)


def test_ways_to_images(tmp_path):
    names = list(ARCHIVES_OF["ham10000"])
    for way in ("Kaggle token", "--config archives=FOLDER", "skin-cancer-mnist-ham10000.zip", "profiles/demo"):
        assert way in way_to(None, names, has_token=False)
    assert way_to(None, names, has_token=True) is None
    for given in (tmp_path / "nowhere", Path(os.path.relpath(tmp_path / "nowhere"))):  # as Snakemake gets it
        assert f"`archives: {tmp_path}/nowhere` is not a folder" in way_to(given, names, True)
    (tmp_path / "skin-cancer-mnist-ham-10000.zip").touch()
    assert "It holds skin-cancer-mnist-ham-10000.zip; rename it" in way_to(tmp_path, names, True)
    with pytest.raises(UserError, match="rename it"):
        in_folder(tmp_path, names[0])
    for name in names:
        (tmp_path / f"{name}.zip").touch()
    assert way_to(tmp_path, names, False) is None and in_folder(tmp_path, names[0]).exists()


REAL = {"hcd": (Choice(limit=60), 60, 60), "lgg": (Choice(limit=40), 40, 130), "ham10000": (Choice(limit=80), 140, 190)}


@pytest.mark.parametrize(("dataset", "expected"), REAL.items(), ids=REAL)
def test_real_archives(tmp_path, kaggle_archives, dataset, expected):
    choice, least, most = expected
    records = [record_of(name, in_folder(kaggle_archives, name), "folder") for name in ARCHIVES_OF[dataset]]
    report = prepare(dataset, records, 64, choice, tmp_path / "out")
    assert least <= report["kept"] <= most
    images = np.load(tmp_path / "out/images.npy", mmap_mode="r")
    assert 10 < images.mean() < 220 and images.std() > 20
    index = parquet.read_table(tmp_path / "out/index.parquet").to_pylist()
    assert all(row["group"] for row in index) == (dataset != "hcd")
    assert len({row["label"] for row in index}) == {"hcd": 2, "lgg": 2, "ham10000": 7}[dataset]
