"""Test slices chosen by a rule, with what some runs predict on them: figures 4, 5, 7 and 9. Nobody chooses by hand.

Rule `hard`: of the slices whose lesion is no larger than the median one, those with the lowest mean IoU of the networks
trained alone, one per patient. Rule `spread`: slices at evenly spaced ranks of lesion size.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kdml.analysis import regions
from kdml.analysis.ensemble import with_ensemble
from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN, read_csv
from kdml.runs import predictions

RUN_KEYS = ("run", "folder", "networks")

Row = dict[str, Any]


@dataclass(frozen=True)
class Slice:
    """A test image with a lesion.

    Args:
        place: in the order of the predictions.
        id: of the image.
        group: its patient or lesion.
        area: of the true lesion, in pixels.
        iou: mean over the judging networks, 0..1.
    """

    place: int
    id: str
    group: str
    area: int
    iou: float


def with_lesion(judges: Sequence[Path]) -> list[Slice]:
    """Test slices with a lesion, and how well the judges mark them; crumbs that are no region are left out.

    Args:
        judges: folders of runs.

    Raises:
        UserError: no test slice has a lesion.
    """
    scores: dict[str, list[float]] = {}
    areas, groups, places = {}, {}, {}
    for place, row in (numbered for folder in judges for numbered in _judged(folder)):
        tp, fp, fn = (int(row[name]) for name in ("tp", "fp", "fn"))
        if tp + fn >= regions.SMALLEST:
            scores.setdefault(row["id"], []).append(tp / (tp + fp + fn))
            areas[row["id"]], groups[row["id"]], places[row["id"]] = tp + fn, row["group"] or row["id"], place
    if not scores:
        raise UserError(
            "No test slice has a lesion: there is nothing to show.", "use more images, or another split seed"
        )
    return [Slice(places[i], i, groups[i], areas[i], float(np.mean(values))) for i, values in scores.items()]


def _judged(folder: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Cases of a run's networks against the labels, each with its place among the predictions."""
    rows = read_csv(folder / "cases.csv", MAKE_AGAIN, ("id", "group", "network", "truth", "tp", "fp", "fn"))
    rows = [row for row in rows if row["truth"] == "label"]
    for network in dict.fromkeys(row["network"] for row in rows):
        yield from enumerate(row for row in rows if row["network"] == network)


def hard(slices: Sequence[Slice], count: int) -> list[Slice]:
    """Small lesions that the judges mark worst, one per group.

    Args:
        slices: to choose from.
        count: at most so many.
    """
    limit = float(np.median([one.area for one in slices]))
    chosen: dict[str, Slice] = {}
    for one in sorted((one for one in slices if one.area <= limit), key=lambda one: (one.iou, one.id)):
        chosen.setdefault(one.group, one)
    return list(chosen.values())[:count]


def spread(slices: Sequence[Slice], count: int) -> list[Slice]:
    """Evenly spaced ranks of lesion size, small to large.

    Args:
        slices: to choose from.
        count: at most so many.
    """
    ranked = sorted(slices, key=lambda one: (one.area, one.id))
    places = np.linspace(0, len(ranked) - 1, num=min(count, len(ranked)) + 2)[1:-1].round().astype(int)
    return [ranked[place] for place in dict.fromkeys(places.tolist())]


RULES: Mapping[str, Callable[[Sequence[Slice], int], list[Slice]]] = {"hard": hard, "spread": spread}


def pictures(runs: Sequence[Mapping[str, Any]], chosen: Sequence[Slice], data: Path) -> dict[str, np.ndarray]:
    """Images and masks of the chosen slices, and as `run.network` the quantised probabilities (k, h, w) of the wanted networks.

    Args:
        runs: what `RUN_KEYS` name, all tested on the same images.
        chosen: slices to show.
        data: folder of prepared arrays.

    Raises:
        UserError: predictions are missing or damaged.
    """
    places = [one.place for one in chosen]
    shown: dict[str, np.ndarray] = {}
    for run in runs:  # one after the other, because all together would fill the memory
        stored = predictions.load(Path(run["folder"]) / "predictions.npz")
        if not shown:
            rows = stored.rows[places]
            shown = {name: np.load(data / f"{name}.npy", mmap_mode="r")[rows] for name in ("images", "masks")}
        outputs = with_ensemble(stored.outputs)
        shown |= {f"{run['run']}.{name}": outputs[name][places] for name in run["networks"] if name in outputs}
    return shown


def table(runs: Sequence[Mapping[str, Any]], chosen: Sequence[Slice], candidates: int) -> list[Row]:
    """A row for every chosen slice, and one for every region of its truth and network that is shown.

    Args:
        runs: what `RUN_KEYS` name.
        chosen: slices to show.
        candidates: how many they were chosen from.

    Raises:
        UserError: regions of a run are missing.
    """
    described = [
        {"kind": "slice", "slice": number, "id": one.id, "group": one.group, "lesion": one.area}
        | {"iou": round(one.iou, 4), "candidates": candidates}
        for number, one in enumerate(chosen)
    ]
    return described + [{"kind": "region"} | row for run in runs for row in _regions_of(run, chosen)]


def _regions_of(run: Mapping[str, Any], chosen: Sequence[Slice]) -> Iterator[Row]:
    """Regions of the truth in the chosen slices, and how much of each a network marks."""
    order = {one.id: number for number, one in enumerate(chosen)}
    for row in read_csv(Path(run["folder"]) / "regions.csv", MAKE_AGAIN, ("share",)):
        if row["id"] in order and row["network"] in run["networks"]:
            box = {name: row[name] for name in ("region", "area", "top", "bottom", "left", "right")}
            keys = {"slice": order[row["id"]], "run": run["run"], "network": row["network"]}
            yield keys | box | {"share": row["share"], "found": int(float(row["share"]) >= regions.FOUND)}
