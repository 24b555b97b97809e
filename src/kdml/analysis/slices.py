"""Test slices chosen by a rule, with what some runs predict on them: figures 4, 5, 7 and 9. Nobody chooses by hand.

Rule `hard`: of the slices whose lesion is no larger than the median one, those with the lowest mean IoU of the networks
trained alone, one per patient. Rule `spread`: slices at evenly spaced ranks of lesion size.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kdml.analysis import evaluation, regions
from kdml.analysis.ensemble import with_ensemble
from kdml.analysis.evaluation import TestSet
from kdml.common.errors import UserError
from kdml.runs.predictions import Predictions

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


def with_lesion(judged: Iterable[pd.DataFrame]) -> list[Slice]:
    """Test slices with a lesion, and how well the judges mark them; crumbs that are no region are left out.

    Args:
        judged: cases of each judging run against its labels, all of one test set (`kdml.analysis.evaluation`).

    Raises:
        UserError: no test slice has a lesion.
    """
    cases = pd.concat([one.assign(place=one.groupby("network").cumcount()) for one in judged], ignore_index=True)
    cases["area"] = cases["tp"] + cases["fn"]
    cases = cases[cases["area"] >= regions.SMALLEST]
    if cases.empty:
        raise UserError(
            "No test slice has a lesion: there is nothing to show.", "use more images, or another split seed"
        )
    cases["iou"] = cases["tp"] / (cases["area"] + cases["fp"])
    first = cases.groupby("id", sort=False).first()
    means = cases.groupby("id", sort=False)["iou"].mean()
    return [
        Slice(int(row.place), str(row.Index), str(row.group), int(row.area), float(means[row.Index]))
        for row in first.itertuples()
    ]


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


class Shown:
    """Collects what a figure shows of the chosen slices, one run after the other, because all together would fill the memory.

    Args:
        chosen: slices to show.
        tested: the test set that they are of.
        data: folder of prepared arrays.
    """

    def __init__(self, chosen: Sequence[Slice], tested: TestSet, data: Path):
        self.chosen = tuple(chosen)
        self.places = [one.place for one in chosen]
        self.tested = TestSet(
            *(getattr(tested, name)[self.places] for name in ("rows", "ids", "groups", "labels", "masks"))
        )
        dimensions = {"images": 4, "masks": 3}
        images = {name: evaluation.rows_of(data / f"{name}.npy", n, self.tested.rows) for name, n in dimensions.items()}
        self.arrays: dict[str, np.ndarray] = images
        self.rows: list[Row] = []

    def add(self, run: str, stored: Predictions, networks: Sequence[str]) -> None:
        """Add the quantised probabilities (k, h, w) of some networks of a run as `run.network`, and what they find of the lesions.

        Args:
            run: its name.
            stored: its predictions.
            networks: wanted; those that the run does not have are left out.
        """
        cut = Predictions(
            stored.rows[self.places], {name: output[self.places] for name, output in stored.outputs.items()}
        )
        outputs = with_ensemble(cut.outputs)
        self.arrays |= {f"{run}.{name}": outputs[name] for name in networks if name in outputs}
        found = evaluation.against_labels(cut, self.tested).regions
        self.rows += list(self._regions(run, found[found["network"].isin(networks)]))

    def _regions(self, run: str, found: pd.DataFrame) -> Iterator[Row]:
        """Regions of the truth in the chosen slices, and how much of each a network marks."""
        order = {one.id: number for number, one in enumerate(self.chosen)}
        for row in found.to_dict("records"):
            box = {name: row[name] for name in ("region", "area", "top", "bottom", "left", "right", "share")}
            keys = {"kind": "region", "slice": order[row["id"]], "run": run, "network": row["network"]}
            yield keys | box | {"found": int(row["share"] >= regions.FOUND)}

    def table(self, candidates: int) -> list[Row]:
        """Rows on every chosen slice, then on every region of its truth and network that is shown.

        Args:
            candidates: how many slices they were chosen from.
        """
        described = [
            {"kind": "slice", "slice": number, "id": one.id, "group": one.group, "lesion": one.area}
            | {"iou": round(one.iou, 4), "candidates": candidates}
            for number, one in enumerate(self.chosen)
        ]
        return described + self.rows
