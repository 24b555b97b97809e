"""Tables on masks of several classes: a row for each class, and names of its metrics."""

from place_files import run_row, value_row, write

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.plain_tables import clinic


def of_classes(folder, networks=("s1",), classes="core;rim"):
    """The table on a clinic's questions where every class has its scores."""
    metrics = ["sensitivity", *(f"{name}_of_class_{number}" for number in (1, 2) for name in ("iou", "f_score"))]
    values = [
        value_row("ml_v1", network, metric, 80 + place) for network in networks for place, metric in enumerate(metrics)
    ]
    values += [value_row("ml_v1", "both", f"found_of_class_{number}", 50 + number) for number in (1, 2)]
    described = run_row("ml_v1") | {"kind": "segmentation", "classes": classes}
    confused = {
        "run": "x",
        "network": "ensemble",
        "true": "core",
        "predicted": "rim",
        "mean": 1,
        "seeds": "1",
        "share": 100,
    }
    files = {"values": values, "confusion": [confused], "contrasts": [{"family": ""}], "runs": [described]}
    return clinic.table(
        Data({f"{name}:paper/hcd/small": [write(folder / f"{name}.csv", rows)] for name, rows in files.items()})
    )


def test_every_class_of_every_network_has_a_row(tmp_path):
    decisions, classes, _ = of_classes(tmp_path, ("s1", "ensemble")).sections
    assert classes.title.endswith(": classes") and decisions.notes == (
        "Means over 2 classes of pixels, each against the rest; balanced accuracy has the background, too.",
    )
    titles = [column.title for column in classes.blocks[0].columns]
    assert titles == ["Variant", "Network", "Class", "IoU [95 %]", "F-score [95 %]", "Regions found [95 %]"]
    cells = [[cell.text for cell in line.cells][1:] for line in classes.blocks[0].lines]
    assert cells[:2] == [
        ["S1", "core", "81.0 [80, 82]", "82.0 [81, 83]", "–"],
        ["S1", "rim", "83.0 [82, 84]", "84.0 [83, 85]", "–"],
    ]
    assert [row[:2] for row in cells[2:]] == [
        [who, name] for who in ("Ensemble", "Every student") for name in ("core", "rim")
    ]
    assert cells[-1][2:] == ["–", "–", "52.0 [51, 53]"]


def test_a_metric_of_one_class_is_named_so():
    assert (
        labels.metric("iou_of_class_2") == "IoU, class 2"
        and labels.metric("found_of_class_1") == "Regions found, class 1"
    )
    assert labels.metric("iou") == "IoU" and labels.metric("own_metric") == "own_metric"
