"""Makes contrasts.csv of one task and pair: paired differences between runs, with their uncertainty."""

import argparse
from pathlib import Path

from kdml.analysis.claims import PRIMARY, contrasts_at, read_claims
from kdml.analysis.contrasts import Contrast, Place
from kdml.analysis.counts import read_runs
from kdml.analysis.statistics import holm
from kdml.common.command_line import runs_argument
from kdml.common.errors import run_script
from kdml.common.files import write_csv
from kdml.runs.graph import PROPOSED, VARIANTS
from kdml.runs.methods import METHODS

STUDENT_ALONE = "baseline_student"
COLUMNS = (
    "family",
    "left",
    "right",
    "network",
    "truth",
    "metric",
    "estimate",
    "low",
    "high",
    "p",
    "p_holm",
    "seeds",
    "cases",
    "groups",
)
COLUMNS += ("by_seed", "both_low", "both_high", "p_both")
COLUMNS += ("seeds_low", "seeds_high", "p_seeds", "seeds_ahead", "test", "p_cases", "remark")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs: folder, run, seed")
    parser.add_argument("--place", required=True, help="task/student, as the claims name it")
    parser.add_argument("--classes", type=int, required=True, help="of the task; 0 for segmentation")
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument(
        "--methods", action="store_true", help="the runs are methods, and beside them what the paper proposes"
    )
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def against_proposed(names: list[str], classes: int) -> list[Contrast]:
    """What the paper proposes against every other run with students."""
    metrics = ["iou", "iou_per_group"] if classes == 0 else ["accuracy", "auc"] if classes == 2 else ["accuracy"]
    others = [name for name in names if name != PROPOSED and not name.startswith("baseline")]
    others.sort(
        key=lambda name: list(VARIANTS).index(name) if name in VARIANTS else len(VARIANTS)
    )  # methods stay as they come
    return [Contrast(PROPOSED, other, "ensemble", "label", metric) for metric in metrics for other in others]


def against_student_alone(names: list[str], metric: str) -> list[Contrast]:
    """Does distillation help at all? Every network of the proposed variant against the student trained alone."""
    if STUDENT_ALONE not in names:
        return []
    return [Contrast(PROPOSED, STUDENT_ALONE, network, "label", metric) for network in ("s1", "s2", "ensemble")]


def main() -> None:
    """Read, compare, write."""
    arguments = parse_arguments()
    described = runs_argument(arguments.runs, ("folder", "run", "seed"))
    place = Place(read_runs(described, arguments.classes, arguments.allow_mixed_code))
    kind = "classification" if arguments.classes else "segmentation"
    names = list(place.runs)
    claimed = contrasts_at(read_claims(arguments.claims), arguments.place, kind)
    others = against_proposed(names, arguments.classes) if PROPOSED in names else []
    families = {"claims": [one for one in claimed if (one.right in METHODS) == arguments.methods]}
    if arguments.methods:
        families["methods"] = others
    else:
        families["reference"] = others
        families["alone"] = against_student_alone(names, PRIMARY[kind]) if PROPOSED in names else []
    rows = []
    for family, wanted in families.items():
        mine = [{"family": family} | place.contrast(contrast) for contrast in wanted]
        for metric in dict.fromkeys(row["metric"] for row in mine if family != "claims"):
            tests = [row for row in mine if row["metric"] == metric]
            for row, p in zip(tests, holm([row["p"] for row in tests]), strict=True):
                row["p_holm"] = p
        rows += mine
    write_csv(arguments.out, rows, COLUMNS)


if __name__ == "__main__":
    run_script(main)
