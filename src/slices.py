"""Makes slices.npz and slices.csv: test slices chosen by a rule, with the masks and predictions of some runs, for figures 4,
5, 7, 9.

Rule `hard`: of the slices whose lesion is no larger than the median one, those with the lowest mean IoU of the networks
trained alone, one per patient. Rule `spread`: slices at evenly spaced ranks of lesion size. Nobody chooses by hand.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kdml import detection, ensemble, predictions
from kdml.errors import UserError, run_script
from kdml.files import read_csv, write_csv, written_whole

AGAIN = "delete it and let the workflow make it again"
ENSEMBLE = "ensemble"


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


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", required=True, help="JSON list of what to show: run, folder, networks")
    parser.add_argument(
        "--judges", nargs="+", type=Path, required=True, help="folders of runs whose IoU says what is hard"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--rule", choices=list(RULES), required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--images", type=Path, required=True, help="npz to write")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write: slices, and regions found and missed")
    return parser.parse_args()


def with_lesion(judges: list[Path]) -> list[Slice]:
    """Test slices with a lesion, and how well the judges mark them.

    Raises:
        UserError: no test slice has a lesion.
    """
    scores: dict[str, list[float]] = {}
    areas, groups, places = {}, {}, {}
    for folder in judges:
        rows = [row for row in read_csv(folder / "cases.csv", AGAIN, ("tp", "fp", "fn")) if row["truth"] == "label"]
        for network in dict.fromkeys(row["network"] for row in rows):
            for place, row in enumerate(row for row in rows if row["network"] == network):
                tp, fp, fn = (int(row[name]) for name in ("tp", "fp", "fn"))
                if tp + fn:
                    scores.setdefault(row["id"], []).append(tp / (tp + fp + fn))
                    areas[row["id"]], groups[row["id"]], places[row["id"]] = tp + fn, row["group"] or row["id"], place
    if not scores:
        raise UserError(
            "No test slice has a lesion: there is nothing to show.", "use more images, or another split seed"
        )
    return [Slice(places[i], i, groups[i], areas[i], float(np.mean(values))) for i, values in scores.items()]


def hard(slices: list[Slice], count: int) -> list[Slice]:
    """Small lesions that the judges mark worst, one per group."""
    limit = float(np.median([one.area for one in slices]))
    chosen: dict[str, Slice] = {}
    for one in sorted((one for one in slices if one.area <= limit), key=lambda one: (one.iou, one.id)):
        chosen.setdefault(one.group, one)
    return list(chosen.values())[:count]


def spread(slices: list[Slice], count: int) -> list[Slice]:
    """Evenly spaced ranks of lesion size, small to large."""
    ranked = sorted(slices, key=lambda one: (one.area, one.id))
    places = np.linspace(0, len(ranked) - 1, num=min(count, len(ranked)) + 2)[1:-1].round().astype(int)
    return [ranked[place] for place in dict.fromkeys(places.tolist())]


RULES = {"hard": hard, "spread": spread}


def outputs_of(run: dict[str, Any]) -> dict[str, np.ndarray]:
    """Quantised probabilities (n, h, w) of the wanted networks; the ensemble's is the larger of its students'."""
    stored = predictions.load(Path(run["folder"]) / "predictions.npz")
    outputs = dict(stored.outputs)
    students = [output for name, output in outputs.items() if name[1:].isdigit()]
    if len(students) > 1:
        outputs[ENSEMBLE] = ensemble.largest_probability(students)
    return {name: outputs[name] for name in run["networks"] if name in outputs}


def regions_of(run: dict[str, Any], chosen: list[Slice]) -> Iterator[dict[str, Any]]:
    """Regions of the truth in the chosen slices, and how much of each a network marks."""
    order = {one.id: number for number, one in enumerate(chosen)}
    for row in read_csv(Path(run["folder"]) / "regions.csv", AGAIN, ("share",)):
        if row["id"] in order and row["network"] in run["networks"]:
            box = {name: row[name] for name in ("region", "area", "top", "bottom", "left", "right")}
            keys = {"slice": order[row["id"]], "run": run["run"], "network": row["network"]}
            yield keys | box | {"share": row["share"], "found": int(float(row["share"]) >= detection.FOUND)}


def main() -> None:
    """Choose, cut out, write."""
    arguments = parse_arguments()
    runs = json.loads(arguments.runs)
    slices = with_lesion(arguments.judges)
    chosen = RULES[arguments.rule](slices, arguments.count)
    places = [one.place for one in chosen]
    stored = predictions.load(Path(runs[0]["folder"]) / "predictions.npz")
    rows = stored.rows[places]
    pictures = {f"{run['run']}.{name}": output[places] for run in runs for name, output in outputs_of(run).items()}
    shown = {name: np.load(arguments.data / f"{name}.npy", mmap_mode="r")[rows] for name in ("images", "masks")}
    with written_whole(arguments.images) as temporary:
        np.savez_compressed(temporary, **shown, **pictures)
    table = [
        {
            "kind": "slice",
            "slice": number,
            "id": one.id,
            "group": one.group,
            "lesion": one.area,
            "iou": round(one.iou, 4),
        }
        | {"candidates": len(slices)}
        for number, one in enumerate(chosen)
    ]
    found = [{"kind": "region"} | row for run in runs for row in regions_of(run, chosen)]
    write_csv(arguments.out, [*table, *found])


if __name__ == "__main__":
    run_script(main)
