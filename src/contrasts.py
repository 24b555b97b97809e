"""Makes contrasts.csv and values.csv of one task and pair: paired differences between runs, and every value with its interval."""

import argparse
import json
import logging
from pathlib import Path

from kdml import detection, measured, paper
from kdml.claims import PRIMARY, contrasts_at, read_claims
from kdml.contrasts import Contrast, Place
from kdml.errors import run_script
from kdml.files import read_json, write_csv
from kdml.measured import Measured
from kdml.sharing import VARIANTS
from kdml.statistics import holm

log = logging.getLogger(__name__)
REFERENCE = "kd_ml_v3"  # what the paper proposes; everything else is compared with it
STUDENT_ALONE = "baseline_student"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs: folder, run, seed")
    parser.add_argument("--place", required=True, help="task/student, as the claims name it")
    parser.add_argument("--classes", type=int, required=True, help="of the task; 0 for segmentation")
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--contrasts", type=Path, required=True, help="CSV to write")
    parser.add_argument("--values", type=Path, required=True, help="CSV to write")
    return parser.parse_args()


def read_runs(described: list[dict], classes: int) -> list[Measured]:
    """Measured runs; in segmentation small, medium and large are thirds of the regions of all their test sets."""
    folders = [Path(run["folder"]) for run in described]
    areas = measured.region_areas(folders) if not classes else ()
    limits = detection.size_limits(areas) if len(areas) else None
    if limits is not None:
        log.info("regions are small up to %.0f pixels, large above %.0f", *limits)
    runs = []
    for folder, run in zip(folders, described, strict=True):
        record = read_json(folder / "run.json", "let the workflow train the run")
        departures = "; ".join(paper.departures(record))
        runs.append(measured.read_run(folder, run["run"], run["seed"], classes, limits, departures))
    return runs


def against_reference(names: list[str], classes: int) -> list[Contrast]:
    """The reference against every other run with students."""
    metrics = [PRIMARY["classification" if classes else "segmentation"]] + (["auc"] if classes == 2 else [])
    others = [name for name in names if name != REFERENCE and not name.startswith("baseline")]
    others.sort(key=lambda name: list(VARIANTS).index(name) if name in VARIANTS else len(VARIANTS))
    return [Contrast(REFERENCE, other, "ensemble", "label", metric) for metric in metrics for other in others]


def against_student_alone(names: list[str], metric: str) -> list[Contrast]:
    """Does distillation help at all? Every network of the reference against the student trained alone."""
    if STUDENT_ALONE not in names:
        return []
    return [Contrast(REFERENCE, STUDENT_ALONE, network, "label", metric) for network in ("s1", "s2", "ensemble")]


def main() -> None:
    """Read, compare, write."""
    arguments = parse_arguments()
    described = json.loads(arguments.runs)
    place = Place(read_runs(described, arguments.classes))
    kind = "classification" if arguments.classes else "segmentation"
    names = list(place.runs)
    families = {
        "claims": contrasts_at(read_claims(arguments.claims), arguments.place, kind),
        "reference": against_reference(names, arguments.classes) if REFERENCE in names else [],
        "alone": against_student_alone(names, PRIMARY[kind]) if REFERENCE in names else [],
    }
    rows = []
    for family, wanted in families.items():
        mine = [{"family": family} | place.contrast(contrast) for contrast in wanted]
        for metric in dict.fromkeys(row["metric"] for row in mine if family != "claims"):
            tests = [row for row in mine if row["metric"] == metric]
            for row, p in zip(tests, holm([row["p"] for row in tests]), strict=True):
                row["p_holm"] = p
        rows += mine
    columns = ("family", "left", "right", "network", "truth", "metric", "estimate", "low", "high", "p", "p_holm")
    write_csv(arguments.contrasts, rows, columns)
    write_csv(arguments.values, list(place.values()))


if __name__ == "__main__":
    run_script(main)
