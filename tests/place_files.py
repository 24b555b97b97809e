"""Files of a place as the analyses leave them, small and made up: runs.csv, values.csv, curves."""

import csv
from pathlib import Path

from kdml.analysis.claims import Verdict
from kdml.paper import numbers
from kdml.reporting.data import Data
from kdml.runs.graph import TECHNIQUES, VARIANTS, LossWeights, TeacherMode, paper_graph

EVEN = (LossWeights(1, 1, 1), LossWeights(1, 1, 1))
TITLES = {"hcd": "Metastasis classification (HCD)", "lgg": "Glioma segmentation (LGG)"}


def write(path: Path, rows, columns=()) -> Path:
    """Rows as CSV."""
    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def graphs_file(folder: Path) -> Path:
    """The sharing graphs of all variants."""
    edges = [(name, edge) for name, key in VARIANTS.items() for edge in paper_graph(*key, EVEN).edges]
    rows = [
        {"variant": name, "source": edge.source, "learner": edge.learner, "knowledge": str(edge.knowledge)}
        for name, edge in edges
    ]
    return write(folder / "graphs.csv", rows)


def run_row(run, sheet="variants", protocol="paper", task="hcd", **changed):
    """A row of runs.csv."""
    technique, strategy = VARIANTS.get(run, ("", ""))
    weights = dict.fromkeys(numbers.WEIGHTS, "0.2" if technique else "")
    metrics = ";".join(numbers.METRICS.get(task, ("iou",)))
    return {
        "protocol": protocol, "task": task, "task_title": TITLES.get(task, task), "dataset": task, "kind": "", "classes": "",
        "metrics": metrics, "pair": "small", "teacher_network": "big", "teacher_title": "Big", "teacher_stands_for": "resnet50",
        "student_network": "tiny", "student_title": "Tiny", "student_stands_for": "resnet18", "sheet": sheet, "run": run,
        "title": "", "technique": technique, "strategy": strategy, "teacher": "", "taught": "", "group": "", "seed": "0", "folder": "", "split": "", "reference": "",
        **weights, **changed,
    }  # fmt: skip


def value_row(run, network, metric="accuracy", mean=80.0, **changed):
    """A row of values.csv."""
    return {
        "run": run, "network": network, "truth": "label", "metric": metric, "seeds": "3", "cases": "72", "groups": "72",
        "mean": str(mean), "std": "0.1", "low": str(mean - 1), "high": str(mean + 1), "of": "", "sizes": "", "departures": "batch 4 (8)",
        "remark": "", "code_hash": "abc", "outputs": f"{run}.{network}", **changed,
    }  # fmt: skip


def claim_row(claim, protocol="paper", answer="yes", **changed):
    """A row of claims.csv: a contrast of a claim that holds."""
    return {
        "claim": claim, "title": "V3 beats V1", "rule": "all_above", "at_least": "0", "text": "V3 *beats* V1 | V2", "protocol": protocol, "pair": "small", "place": "hcd/resnet18", "network": "ensemble",
        "left": "ml_v3", "right": "ml_v1", "estimate": "1", "low": "0.5", "high": "2", "p_holm": "0.01", "answer": answer, "seeds": "3",
        "remark": "", "paper_estimate": "", "paper_low": "", "paper_high": "", "paper_p_holm": "", "paper_answer": "yes",
        "decided_by": "by a rule.", "verdict": Verdict.HOLDS, "paper_verdict": Verdict.UNDECIDED, **changed,
    }  # fmt: skip


def variants(task="hcd", protocol="paper", **changed):
    """Rows of runs.csv and values.csv for the paper's twelve variants; the mean tells the variant, ensembles are better."""
    runs = [run_row(run, protocol=protocol, task=task, **changed) for run in VARIANTS]
    metrics = runs[0]["metrics"].split(";")
    values = []
    for place, (run, (technique, _)) in enumerate(VARIANTS.items()):
        mode = TECHNIQUES[technique].teacher
        for network in ("teacher", "s1", "s2", "ensemble")[mode is TeacherMode.NONE :]:
            outputs = technique if network == "teacher" else f"{run}.{network}"
            mean = 80 + place + (0.5 if network == "ensemble" else 0)
            values += [value_row(run, network, metric, mean, outputs=outputs) for metric in metrics]
    return runs, values


def data_of(folder: Path, places, kind="results", name="table_03", mixed="", **more):
    """Data of places.

    Args:
        folder: to write to.
        places: place -> (rows of runs.csv, rows of values.csv).
        kind: of the table.
        name: of the table.
        mixed: not empty to accept several versions of the code.
        more: kind of file -> place -> rows.
    """
    files = {}
    for label, (runs, values) in places.items():
        files[f"runs:{label}"] = [write(folder / label / "runs.csv", runs)]
        files[f"values:{label}"] = [write(folder / label / "values.csv", values)]
    for what, of_places in more.items():
        for label, rows in of_places.items():
            files[f"{what}:{label}"] = [write(folder / label / f"{what}.csv", rows)]
    return Data(files, {"name": name, "kind": kind, "allow_mixed_code": mixed})


def options_of(data: Data) -> list[str]:
    """Files as a command line passes them."""
    return ["--data", *(f"{label}={path}" for label, paths in data.files.items() for path in paths)]


def curve_rows(runs, network="s1", where="hcd small"):
    """Rows of curves.csv: two epochs of loss and score."""
    return [
        {"where": where, "run": run, "seed": "0", "epoch": str(epoch), "part": part, "network": network, "term": term, "value": "0.5"}
        for run in runs
        for epoch in (0, 1)
        for part, term in (("train", "total"), ("train", "supervised"), ("validation", "score"))
    ]  # fmt: skip


def band_rows(runs, network="s1", where="hcd small"):
    """Rows of bands.csv."""
    spread = {"mean": "0.5", "low": "0.4", "high": "0.6", "seeds": "1"}
    rows = [{**row, **spread} for row in curve_rows(runs, network, where)]
    return [{name: value for name, value in row.items() if name not in ("seed", "value")} for row in rows]


def comparison_row(run, network, metric="accuracy", paper=85.0, **changed):
    """A row of comparison.csv."""
    return {
        "protocol": "paper", "pair": "small", "table": "3", "task": "hcd", "run": run, "network": network, "metric": metric,
        "paper_mean": str(paper), "paper_std": "0.5", "difference": "-5.0", "difference_low": "-7.25", "difference_high": "-2.75", **changed,
    }  # fmt: skip


def found_row(run, area, found, networks=2, size="small", seed=0, region="0"):
    """A row of found.csv."""
    return {"run": run, "seed": str(seed), "id": f"image {area}", "region": region, "area": str(area), "size": size,
            "networks": str(networks), "found": str(found)}  # fmt: skip
