"""Test slices chosen by a rule, with what some runs predict on them: figures 4, 5, 7 and 9. Nobody chooses by hand.

Rule `telling`: the hardest slice, the one on which the shown networks disagree most, the median one. Rule `spread`: slices at
evenly spaced ranks of lesion size. Both take another patient for each, as long as there are some.
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
from kdml.runs.run_table import SEPARATOR

COUNT = 4  # of slices that `spread` chooses
AROUND = 2.5  # sides of the lesion that a crop is wide
NARROWEST = 0.15  # side of a crop, of the picture's
BRIGHTEST = 0.995  # share of the pixels that are not white

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
        disagreement: standard deviation of the IoU over the shown networks.
    """

    place: int
    id: str
    group: str
    area: int
    iou: float
    disagreement: float


Chosen = Mapping[str, Slice]
"""Slices by what they were chosen for, in a few words."""


def with_lesion(judged: Iterable[pd.DataFrame], shown: Iterable[pd.DataFrame]) -> list[Slice]:
    """Test slices with a lesion, and how well they are marked; crumbs that are no region are left out.

    Args:
        judged: cases of each judging run against its labels, all of one test set (`kdml.analysis.evaluation`).
        shown: cases of the networks that a figure shows.

    Raises:
        UserError: no test slice has a lesion.
    """
    cases = _with_iou(judged)
    if cases.empty:
        raise UserError(
            "No test slice has a lesion: there is nothing to show.", "use more images, or another split seed"
        )
    first = cases.groupby("id", sort=False).first()
    means = cases.groupby("id", sort=False)["iou"].mean()
    deviations = _with_iou(shown).groupby("id", sort=False)["iou"].std(ddof=0)
    return [
        Slice(
            int(row.place),
            str(row.Index),
            str(row.group),
            int(row.area),
            *(float(of[row.Index]) for of in (means, deviations)),
        )
        for row in first.itertuples()
    ]


def _with_iou(of_runs: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Cases with a lesion, its area and the IoU."""
    cases = pd.concat([one.assign(place=one.groupby("network").cumcount()) for one in of_runs], ignore_index=True)
    cases["area"] = cases["tp"] + cases["fn"]  # of several classes together
    cases = cases[cases["area"] >= regions.SMALLEST]
    return cases.assign(iou=cases["tp"] / (cases["area"] + cases["fp"]))


def telling(slices: Sequence[Slice]) -> Chosen:
    """The hardest slice, the one on which networks disagree most, and the median one.

    The hardest has the lowest mean IoU of the judges, the median one the middle of these means. Of equals the one with the largest
    lesion is taken, then the first by its name.

    Args:
        slices: to choose from.
    """
    middle = float(np.quantile([one.iou for one in slices], 0.5, method="lower"))
    measures: Mapping[str, Callable[[Slice], float]] = {
        "hardest": lambda one: one.iou,
        "most disagreement": lambda one: -one.disagreement,
        "median": lambda one: abs(one.iou - middle),
    }
    chosen: dict[str, Slice] = {}
    for what, measure in measures.items():
        ranked = sorted(slices, key=lambda one: (measure(one), -one.area, one.id))
        if one := _of_another_group(ranked, chosen.values()):
            chosen[what] = one
    return chosen


def spread(slices: Sequence[Slice]) -> Chosen:
    """Evenly spaced ranks of lesion size, small to large.

    Args:
        slices: to choose from.
    """
    ranked = sorted(slices, key=lambda one: (one.area, one.id))
    wanted = np.linspace(0, len(ranked) - 1, num=min(COUNT, len(ranked)) + 2)[1:-1].round().astype(int)
    chosen: dict[str, Slice] = {}
    for rank in dict.fromkeys(wanted.tolist()):
        near = sorted(ranked, key=lambda one: (abs(ranked.index(one) - rank), ranked.index(one)))
        if one := _of_another_group(near, chosen.values()):
            chosen[f"rank {ranked.index(one) + 1} of {len(ranked)} by size"] = one
    return dict(sorted(chosen.items(), key=lambda item: ranked.index(item[1])))


def _of_another_group(ranked: Sequence[Slice], taken: Iterable[Slice]) -> Slice | None:
    """The first that is not taken, of a group that is not taken where there is one."""
    taken = list(taken)
    left = [one for one in ranked if one not in taken]
    others = [one for one in left if one.group not in {its.group for its in taken}]
    return next(iter(others or left), None)


RULES: Mapping[str, Callable[[Sequence[Slice]], Chosen]] = {"telling": telling, "spread": spread}


def crop(mask: np.ndarray) -> dict[str, int]:
    """Square within a picture that shows its lesion and what is around it: `top`, `bottom`, `left`, `right`, half open.

    Args:
        mask: of the lesion, (h, w).
    """
    spans = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    sides = [int(span[-1] - span[0]) + 1 for span in spans]
    side = int(min(min(mask.shape), max(AROUND * max(sides), NARROWEST * max(mask.shape))))
    corners = [
        min(max(0, int(span[0]) + (length - side) // 2), limit - side)
        for span, length, limit in zip(spans, sides, mask.shape, strict=True)
    ]
    return {"top": corners[0], "bottom": corners[0] + side, "left": corners[1], "right": corners[1] + side}


def _stretched(pictures: np.ndarray) -> np.ndarray:
    """Grey pictures (k, h, w) of which each is as bright as it can be: a few brightest pixels are white."""
    white = np.quantile(pictures, BRIGHTEST, axis=(1, 2), keepdims=True)
    return np.clip(np.rint(pictures * (255 / np.maximum(white, 1))), 0, 255).astype(np.uint8)


class Shown:
    """Collects what a figure shows of the chosen slices, one run after the other, because all together would fill the memory.

    Args:
        chosen: slices to show.
        tested: the test set that they are of.
        data: folder of prepared arrays.
        grey: channel that pictures show in grey; in colour if None.
    """

    def __init__(self, chosen: Chosen, tested: TestSet, data: Path, grey: int | None = None):
        self.chosen = chosen
        self.places = [one.place for one in chosen.values()]
        self.tested = TestSet(
            *(getattr(tested, name)[self.places] for name in ("rows", "ids", "groups", "labels", "masks"))
        )
        dimensions = {"images": 4, "masks": 3}
        images = {name: evaluation.rows_of(data / f"{name}.npy", n, self.tested.rows) for name, n in dimensions.items()}
        if grey is not None:
            images["images"] = np.repeat(_stretched(images["images"][..., grey])[..., None], 3, axis=-1)
        self.arrays: dict[str, np.ndarray] = images
        self.rows: list[Row] = []

    def add(self, run: str, stored: Predictions, networks: Sequence[str]) -> None:
        """Add the quantised probabilities (k, h, w), or (k, K, h, w) of several classes, of some networks of a run as
        `run.network`, and what they find of the lesions.

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
        found = evaluation.against_labels(cut, self.tested)
        for kind, rows in (("network", self._scores(found.cases)), ("region", self._regions(found.regions))):
            self.rows += [{"kind": kind, "run": run} | row for row in rows if row["network"] in networks]

    def _scores(self, cases: pd.DataFrame) -> Iterator[Row]:
        """IoU of every network on every chosen slice."""
        order = self._order()
        for row in _with_iou([cases]).to_dict("records"):
            yield {"slice": order[row["id"]], "network": row["network"], "iou": round(row["iou"], 4)}

    def _regions(self, found: pd.DataFrame) -> Iterator[Row]:
        """Regions of the truth in the chosen slices, and how much of each a network marks."""
        order = self._order()
        for row in found.to_dict("records"):
            box = {name: row[name] for name in ("region", "area", "top", "bottom", "left", "right", "share")}
            keys = {"slice": order[row["id"]], "network": row["network"]}
            yield keys | box | {"found": int(row["share"] >= regions.FOUND)}

    def _order(self) -> dict[str, int]:
        return {one.id: number for number, one in enumerate(self.chosen.values())}

    def table(self, candidates: int, classes: Sequence[str]) -> list[Row]:
        """Rows on every chosen slice and its crop, then on every network that is shown of it and every region of its truth.

        Args:
            candidates: how many slices they were chosen from.
            classes: what the masks mark.
        """
        described = [
            {"kind": "slice", "slice": number, "chosen_for": what, "id": one.id, "group": one.group, "lesion": one.area}
            | {"iou": round(one.iou, 4), "candidates": candidates, "classes": SEPARATOR.join(classes)}
            | crop(self.arrays["masks"][number] > 0)
            for number, (what, one) in enumerate(self.chosen.items())
        ]
        return described + self.rows
