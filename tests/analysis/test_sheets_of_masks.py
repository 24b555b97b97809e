"""The one road of a number for masks: predictions of a place's runs to values, contrasts and slices, through the scripts themselves."""

import math

import numpy as np
import pandas as pd
import pytest
from fabricated import SEGMENTATION, FabricatedPlace, by_key, call, contrasts, evaluate, read

from kdml.analysis.evaluation import REGION_COLUMNS
from kdml.runs import predictions

# Segmentation: three test images, two of them of one patient; the third has no lesion.

SLICES = [(0, "a", 1, "p", "test"), (1, "b", 1, "p", "test"), (2, "c", 0, "q", "test"), (3, "d", 1, "r", "validation")]


def masks(*boxes):
    """Quantised masks of the test images, 0.9 within the boxes (image, rows, columns)."""
    drawn = np.zeros((3, 8, 8))
    for image, rows, columns in boxes:
        drawn[image, rows, columns] = 0.9
    return predictions.quantise(drawn)


@pytest.fixture
def brain(tmp_path):
    place = FabricatedPlace(tmp_path, SLICES, **SEGMENTATION)
    truth = np.zeros((4, 8, 8), np.uint8)
    truth[0, :4, :4] = 1  # 16 pixels
    truth[1, :2, :2] = 1  # 4
    truth[1, 4:, 4:] = 1  # 16
    np.save(tmp_path / "masks.npy", truth)
    np.save(
        tmp_path / "images.npy", np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    )
    half, corner = (0, slice(0, 2), slice(0, 4)), (1, slice(0, 2), slice(0, 2))
    big, false = (1, slice(4, 8), slice(4, 8)), (2, slice(0, 2), slice(0, 2))
    place.add("kd_on_v1", {"teacher": masks(half, corner), "s1": masks(half, big), "s2": masks(corner, big)})
    place.add("ml_v1", {"s1": masks(false), "s2": masks(big)})
    place.add("baseline_student", {"baseline": masks(half, false)}, sheet="alone")
    return place


def test_masks_by_hand(brain):
    assert evaluate(brain) == (0, "")
    found = by_key(read(brain.folder / "variants/by_seed.csv"), "run", "network", "metric")
    values = {key: float(row["value"]) for key, row in found.items()}
    # 36 pixels of lesion. s1 marks 8 + 16 of them, the ensemble 8 + 4 + 16.
    assert values["kd_on_v1", "s1", "iou"] == pytest.approx(100 * 24 / 36)
    assert values["kd_on_v1", "ensemble", "iou"] == pytest.approx(100 * 28 / 36)
    assert values["kd_on_v1", "ensemble", "f_score"] == pytest.approx(100 * 56 / 64)
    assert values["kd_on_v1", "s1", "iou_per_image"] == pytest.approx(100 * (8 / 16 + 16 / 20 + 1) / 3)
    assert values["kd_on_v1", "s1", "iou_per_group"] == pytest.approx(100 * (24 / 36 + 1) / 2)
    assert values["ml_v1", "s1", "iou_per_image"] == 0 and values["ml_v1", "s1", "false_regions"] == pytest.approx(
        100 / 3
    )
    regions = pd.read_parquet(brain.folder / "variants/regions.parquet")
    assert list(regions) == ["run", "seed", *REGION_COLUMNS] and len(regions) == 3 * (4 + 3)
    rows = by_key(read(brain.folder / "variants/values.csv"), "run", "network", "metric")
    assert rows["kd_on_v1", "s1", "iou"]["groups"] == "2" and rows["kd_on_v1", "both", "found_medium"]["of"] == "2"


def test_agreement_of_masks_by_hand(brain):
    assert evaluate(brain, "fidelity") == (0, "")
    found = by_key(read(brain.folder / "fidelity/by_seed.csv"), "run", "network", "metric")
    values = {key[1:]: float(row["value"]) for key, row in found.items()}
    assert {key[0] for key in found} == {"kd_on_v1"}
    # The teacher marks 8 + 4 pixels, s1 8 + 16, of which 8 are the same. The teacher misses 24 pixels, of which s1 misses 8.
    assert values["s1", "iou"] == pytest.approx(100 * 8 / 28)
    assert values["s1", "agreement_where_wrong"] == pytest.approx(100 * 8 / 24)
    assert values["s1", "agreement_where_right"] == pytest.approx(100 * (192 - 24 - 4) / (192 - 24))
    p, q = 230.5 / 256, 0.5 / 256
    nats = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    back = q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
    assert values["s1", "predictive_kl"] == pytest.approx((4 * nats + 16 * back) / 192, rel=1e-4)


def test_contrasts_of_masks(brain):
    for sheet in ("variants", "alone", "fidelity"):
        assert evaluate(brain, sheet)[0] == 0
    assert contrasts(brain, "variants", "alone", fidelity=[brain.folder / "fidelity/cases.parquet"]) == (0, "")
    assert {row["family"] for row in read(brain.folder / "contrasts.csv")} == {"claims"}
    (brain.folder / "variants/regions.parquet").unlink()
    code, said = contrasts(brain, "variants", "alone")
    assert code == 2 and "regions.parquet does not exist" in said


def test_a_network_finds_the_same_share_whatever_it_is_measured_with(brain):
    """Regions are counted once for the limits of their sizes: more runs on the same test set move nothing."""
    evaluate(brain, "alone")
    few = [row for row in read(brain.folder / "alone/values.csv") if row["run"] == "baseline_student"]
    brain.add("baseline_teacher", {"baseline": masks()}, sheet="alone")
    evaluate(brain, "alone")
    many = [row for row in read(brain.folder / "alone/values.csv") if row["run"] == "baseline_student"]
    assert few == many and {row["sizes"] for row in few if row["metric"] == "found_medium"} == {"13 to 16 px"}


def test_which_regions_the_students_find(brain):
    """Regions by their area, sizes as in the values; of a network trained alone it is the only one."""
    for sheet in ("variants", "alone"):
        assert evaluate(brain, sheet) == (0, "")
    rows = read(brain.folder / "variants/found.csv")
    found = {run: [row for row in rows if row["run"] == run] for run in ("kd_on_v1", "ml_v1")}
    regions = [(row["id"], row["region"], row["area"], row["size"]) for row in found["kd_on_v1"]]
    assert regions == [("b", "0", "4", "small"), ("a", "0", "16", "medium"), ("b", "1", "16", "medium")]
    assert [(row["networks"], row["found"]) for row in found["kd_on_v1"]] == [("2", "1"), ("2", "1"), ("2", "2")]
    assert [row["found"] for row in found["ml_v1"]] == ["0", "0", "1"]
    alone = read(brain.folder / "alone/found.csv")
    assert [(row["networks"], row["found"]) for row in alone] == [("1", "0"), ("1", "1"), ("1", "0")]
    both = by_key(read(brain.folder / "variants/values.csv"), "run", "network", "metric")[
        "kd_on_v1", "both", "found_medium"
    ]
    assert float(both["mean"]) == 50 and both["of"] == "2"  # as one cell of two


def slices(brain, *more, judges="baseline_student"):
    arguments = {"runs": brain.runs, "seed": 0, "judges": judges, "data": brain.folder}
    arguments |= {"images": brain.folder / "shown.npz", "out": brain.folder / "shown.csv"}
    words = [part for name, value in arguments.items() for part in (f"--{name}", value)]
    return call("slices", *words, "--show", "kd_on_v1", "ml_v1", "--networks", "s1", "ensemble", *more)


def test_slices_are_chosen_and_cut_out(brain):
    assert slices(brain, "--rule", "spread") == (0, "")
    with np.load(brain.folder / "shown.npz") as shown:
        assert set(shown.files) == {"images", "masks", *(f"{run}.{network}" for run in ("kd_on_v1", "ml_v1") for network in ("s1", "ensemble"))}  # fmt: skip
        assert shown["images"][:, 0, 0, 0].tolist() == [0, 1] and shown["masks"].sum(axis=(1, 2)).tolist() == [16, 20]
        assert (shown["kd_on_v1.ensemble"] >= 128).sum(axis=(1, 2)).tolist() == [8, 20]
    rows = read(brain.folder / "shown.csv")
    assert [(row["id"], row["lesion"], row["iou"], row["candidates"]) for row in rows if row["kind"] == "slice"] == [
        ("a", "16", "0.5", "2"), ("b", "20", "0.0", "2"),
    ]  # fmt: skip
    assert len([row for row in rows if row["kind"] == "region"]) == 3 * 2 * 2


def test_slices_that_cannot_be_shown_are_said(brain):
    code, said = slices(brain, "--rule", "telling", judges="nobody")
    assert code == 2 and "does not list seed 0 of 'nobody'" in said
    np.save(brain.folder / "masks.npy", np.zeros((4, 8, 8), np.uint8))
    code, said = slices(brain, "--rule", "telling")
    assert code == 2 and "No test slice has a lesion" in said
    (brain.folder_of("ml_v1") / "predictions.npz").write_text("hello")
    code, said = slices(brain, "--rule", "telling", judges="ml_v1")
    assert code == 2 and "is damaged" in said
    assert not (brain.folder / "shown.npz").exists() and not (brain.folder / "shown.csv").exists()
