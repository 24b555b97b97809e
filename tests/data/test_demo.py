"""The demo archives: Kaggle's layout, the same bytes for the same seed, content that agrees with labels and masks."""

import csv
import hashlib
import io
import re
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict

import numpy as np
import pytest
from PIL import Image

from kdml.common.errors import UserError
from kdml.data.demo import DEMO_ARCHIVES, draw_archive
from kdml.data.demo.brain import draw_patient
from kdml.data.demo.histology import CENTRE, draw_tissue
from kdml.data.demo.skin import draw_mask, draw_picture, draw_views

IMAGES, SIZE = 120, 32
CLASSES = {"akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"}


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    for name in DEMO_ARCHIVES:
        draw_archive(name, folder / f"{name}.zip", IMAGES, SIZE, seed=0)
    return {name: zipfile.ZipFile(folder / f"{name}.zip") for name in DEMO_ARCHIVES}


def rows_of(archive, name):
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def pixels(archive, name):
    return np.asarray(Image.open(archive.open(name)))


def pattern_of(name):
    """A file's name with its numbers and identifiers blotted out."""
    name = re.sub(r"[0-9a-f]{40}", "<id>", name)
    name = re.sub(r"TCGA_[A-Z]{2}_[0-9A-Z]{4}_\d{8}", "<patient>", name)
    return re.sub(r"\d+(?=(_mask)?\.tif)|(?<=ISIC_)\d{7}", "<n>", name)


@pytest.mark.parametrize("name", DEMO_ARCHIVES)
def test_layout_is_that_of_kaggle(name, archives, kaggle_archives):
    with zipfile.ZipFile(kaggle_archives / f"{name}.zip") as real:
        real_patterns = {pattern_of(path) for path in real.namelist()} - {"kaggle_3m/README.md"}
    drawn = archives[name].namelist()
    assert {pattern_of(path) for path in drawn} == real_patterns
    assert drawn == sorted(set(drawn))


@pytest.mark.parametrize("name", DEMO_ARCHIVES)
def test_tables_have_kaggles_columns(name, archives, kaggle_archives):
    with zipfile.ZipFile(kaggle_archives / f"{name}.zip") as real:
        for path in (path for path in archives[name].namelist() if path.endswith(".csv")):
            assert archives[name].read(path).splitlines()[0] == real.read(path).splitlines()[0]


@pytest.mark.parametrize("name", DEMO_ARCHIVES)
def test_same_seed_same_bytes_other_seed_other_bytes(name, archives, tmp_path):
    def drawn_with(seed):
        draw_archive(name, tmp_path / "again.zip", IMAGES, SIZE, seed)
        return hashlib.sha256((tmp_path / "again.zip").read_bytes()).hexdigest()

    with open(archives[name].filename, "rb") as first:
        assert drawn_with(0) == hashlib.file_digest(first, "sha256").hexdigest()
    assert drawn_with(0) != drawn_with(1)


@pytest.mark.parametrize("name", DEMO_ARCHIVES)
def test_no_picture_comes_twice_but_under_its_own_name(name, archives):
    names_by_content = defaultdict(set)
    for path in archives[name].namelist():
        if not path.endswith(".csv") and "mask" not in path:
            names_by_content[archives[name].read(path)].add(path.rsplit("/", 1)[-1])
    assert all(len(names) == 1 for names in names_by_content.values())


def test_histology_labels(archives):
    archive = archives["histopathologic-cancer-detection"]
    labels = {row["id"]: row["label"] for row in rows_of(archive, "train_labels.csv")}
    train = {path[6:-4] for path in archive.namelist() if path.startswith("train/")}
    test = {path[5:-4] for path in archive.namelist() if path.startswith("test/")}
    assert train == set(labels) and len(train) == IMAGES
    assert Counter(labels.values()) == {"0": IMAGES // 2, "1": IMAGES // 2}
    assert test == {row["id"] for row in rows_of(archive, "sample_submission.csv")} and not test & train
    assert pixels(archive, f"train/{min(train)}.tif").shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("tumour", [False, True])
def test_histology_label_means_tumour_in_the_centre_third(tumour):
    side = 96
    centre = slice(round(side * (1 - CENTRE) / 2), round(side * (1 + CENTRE) / 2))
    elsewhere = 0
    for seed in range(60):
        share = draw_tissue(tumour, side, np.random.default_rng(seed)).tumour
        in_centre = (share[centre, centre] > 0.5).mean()
        elsewhere += share.max() > 0.5
        assert in_centre > 0.3 if tumour else in_centre == 0
    # Many negative patches have tumour too, but at the border.
    assert elsewhere == 60 if tumour else 15 < elsewhere < 45


def test_brain_slices_and_masks(archives):
    archive = archives["lgg-mri-segmentation"]
    slices = [p for p in archive.namelist() if p.startswith("kaggle_3m/") and re.search(r"\d\.tif$", p)]
    assert len(slices) == IMAGES
    masks = [pixels(archive, path.replace(".tif", "_mask.tif")) for path in slices]
    assert all(mask.shape == (SIZE, SIZE) and set(np.unique(mask)) <= {0, 255} for mask in masks)
    assert 0.35 < np.mean([mask.any() for mask in masks]) < 0.7
    patients = Counter(path.split("/")[1] for path in slices)
    assert len(patients) >= 6 and min(patients.values()) >= 4
    for patient, count in patients.items():
        numbers = {int(path.rsplit("_", 1)[1][:-4]) for path in slices if path.split("/")[1] == patient}
        assert numbers == set(range(1, count + 1))
    assert {row["Patient"] for row in rows_of(archive, "kaggle_3m/data.csv")} == {p.rsplit("_", 1)[0] for p in patients}


def test_two_brain_patients_lie_there_twice(archives):
    archive = archives["lgg-mri-segmentation"]
    doubled = [path for path in archive.namelist() if path.startswith("lgg-mri-segmentation/")]
    assert len({path.split("/")[2] for path in doubled}) == 2
    assert all(archive.read(path) == archive.read(path.split("/", 1)[1]) for path in doubled)


def test_brain_lesion_is_one_body_bright_in_flair():
    brighter = []
    for seed in range(6):
        scan, masks = draw_patient(16, 48, np.random.default_rng(seed))
        shown = np.flatnonzero(masks.any((1, 2)))
        assert shown.max() - shown.min() + 1 == len(shown), "the lesion spans neighbouring slices"
        head = scan[shown][..., 1] > 40
        flair, inside = scan[shown][..., 1].astype(float), masks[shown] > 0
        brighter.append(np.median(flair[inside]) > np.median(flair[head & ~inside]))
    assert sum(brighter) >= 5


def test_skin_metadata_images_and_masks_agree(archives):
    images, masks = archives["skin-cancer-mnist-ham10000"], archives["ham10000-lesion-segmentations"]
    rows = rows_of(images, "HAM10000_metadata.csv")
    ids = {row["image_id"] for row in rows}
    stored = [path for path in images.namelist() if path.startswith("HAM10000_images")]
    assert len(rows) == len(ids) == len(stored) == IMAGES
    assert {path.split("/")[1][:-4] for path in stored} == ids
    assert {path.split("/")[1].removesuffix("_segmentation.png") for path in masks.namelist()} == ids
    for path in masks.namelist()[:20]:
        mask = pixels(masks, path)
        assert mask.shape == (SIZE, SIZE) and set(np.unique(mask)) == {0, 255}


def test_skin_classes_are_uneven_but_each_has_lesions_enough(archives):
    rows = rows_of(archives["skin-cancer-mnist-ham10000"], "HAM10000_metadata.csv")
    by_lesion = defaultdict(list)
    for row in rows:
        by_lesion[row["lesion_id"]].append(row)
    assert all(len({row["dx"] for row in same}) == 1 for same in by_lesion.values())
    lesions = Counter(same[0]["dx"] for same in by_lesion.values())
    assert set(lesions) == CLASSES and min(lesions.values()) >= 12
    assert any(len(same) > 1 for same in by_lesion.values())
    at_400 = Counter(view.dx for view in draw_views(400, seed=0))
    assert at_400.most_common(1)[0][0] == "nv" and at_400["nv"] > 200


def test_skin_mask_covers_what_differs_from_the_skin():
    contrast = []
    for view in draw_views(120, seed=3)[::6]:
        picture, inside = draw_picture(view, 48).mean(-1), draw_mask(view, 48) > 0
        contrast.append(picture[~inside & (picture > 40)].mean() - picture[inside].mean())
    assert np.mean(np.array(contrast) > 5) > 0.8


@pytest.mark.parametrize(
    ("request_", "problem", "remedy"),
    [
        ({"name": "lgg-mri-segmentatoin"}, "'lgg-mri-segmentatoin'", "did you mean 'lgg-mri-segmentation'?"),
        ({"name": "hcd"}, "'hcd'", "histopathologic-cancer-detection"),
        ({"images": 5}, "5 images are too few", "ask for 60 images or more"),
        ({"images": -1}, "too few", "or more"),
        ({"size": 8}, "8 pixels are too small", "32 pixels or more"),
        ({"seed": -3}, "seed -3", "0 or more"),
    ],
)
def test_bad_requests_are_explained_and_leave_the_earlier_file(request_, problem, remedy, tmp_path):
    out = tmp_path / "demo.zip"
    out.write_text("earlier")
    with pytest.raises(UserError) as error:
        draw_archive(**{"name": "lgg-mri-segmentation", "out": out, "images": 60, "size": 32, "seed": 0} | request_)
    assert problem in error.value.problem and remedy in error.value.remedy
    assert out.read_text() == "earlier" and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", DEMO_ARCHIVES)
def test_the_fewest_images_allowed_can_be_drawn(name, tmp_path):
    for seed in range(3):
        draw_archive(name, tmp_path / "demo.zip", DEMO_ARCHIVES[name].fewest, 32, seed)


def test_script(root, tmp_path):
    script = [sys.executable, str(root / "src" / "draw_demo.py")]
    good = ["--archive", "histopathologic-cancer-detection", "--images", "20", "--size", "32"]
    subprocess.run([*script, *good, "--out", str(tmp_path / "good.zip")], check=True, capture_output=True)
    assert zipfile.is_zipfile(tmp_path / "good.zip")
    bad = subprocess.run(
        [*script, "--archive", "lgg", "--out", str(tmp_path / "bad.zip")], capture_output=True, text=True
    )
    assert bad.returncode == 2 and "did you mean 'lgg-mri-segmentation'" in bad.stderr and "Traceback" not in bad.stderr
    assert not (tmp_path / "bad.zip").exists()
