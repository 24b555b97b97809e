"""Makes the folder of a place to take home, and its zip: the best student and the best ensemble as ONNX graphs, with a model card.

Each graph comes in 8-bit integers, too. Beside them lie export.json (how they were chosen, parity with the stored predictions,
hashes), scores.csv, subgroups.csv (scores in subgroups of the test pictures), int8.csv (the price of integers), latency.csv and
leakage.json.
"""

import argparse
import logging
import os
import platform
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kdml.analysis import subgroup_scores
from kdml.analysis.metrics import AFTER_SCALING, PRIMARY, TITLES
from kdml.analysis.single_networks import scored
from kdml.analysis.subgroups import recorded
from kdml.common.command_line import labelled_files, positive
from kdml.common.errors import UserError, faults_told, run_script
from kdml.common.extras import need
from kdml.common.files import read_json, sha256_of, write_csv, write_json, write_text
from kdml.common.locks import alone_in
from kdml.common.machine import processor
from kdml.common.together import written_together
from kdml.common.zip_files import write_zip
from kdml.data.arrays import read_split
from kdml.data.leakage import leakage_table
from kdml.data.licences import commercial_use, licences_of, strictest
from kdml.data.metadata import WITHOUT_KEY
from kdml.data.originals import Originals
from kdml.deploy.likeness import describe
from kdml.learning.faults import faults_of_torch_told
from kdml.paper.departures import departures
from kdml.reporting.card_training import taught_by_teacher, training
from kdml.reporting.model_card import card
from kdml.runs.graph import ENSEMBLE, TEACHER
from kdml.runs.records import refuse_mixture
from kdml.runs.run_table import SEPARATOR, RunTable, described

log = logging.getLogger(__name__)
SEAL = "export.json"
PACKAGES = ("onnx", "onnxruntime", "torch", "numpy", "pillow")
Facts = dict[str, Any]
Records = Mapping[str, Facts]  # run.json by the folder of the run
Networks = Mapping[str, Any]  # student, ensemble and teacher, as they were chosen


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument(
        "--leakage", nargs="+", required=True, metavar="SPLIT=REPORT", help="leakage report of every split of the runs"
    )
    parser.add_argument("--record", action="append", default=[], type=Path, help="of each archive of the data set")
    parser.add_argument("--archives", type=Path, help="folder of the archives; their last known places if not given")
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)), help="all that may be used")
    parser.add_argument("--note", default="", help="what a reader must know of the experiment")
    parser.add_argument("--drawn", action="store_true", help="the images are drawn")
    parser.add_argument("--licence", default="", help="of a data set of your own: its terms of use")
    parser.add_argument("--allow-mixed-code", action="store_true", help="choose among runs of several versions")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--zip", type=Path, required=True, help="the same, packed")
    return parser.parse_args()


@faults_of_torch_told()
def main() -> None:
    """Choose, write graphs, compare, measure, describe, pack."""
    arguments = parse_arguments()
    need("export", "src/export.py")
    from kdml.export.choice import chosen  # what follows loads these packages
    from kdml.export.folder import DATE, write_programs
    from kdml.export.made_by import made_by

    reports = {str(path): report for path, report in labelled_files(arguments.leakage, "--leakage")}
    table = RunTable(arguments.runs)
    records = refuse_mixture(described(table.rows), ("run",), arguments.allow_mixed_code)
    networks = chosen(table.rows, records)
    leakage = leakage_of(reports, networks)
    archives = [read_json(path, "make it again with src/fetch.py") for path in arguments.record]
    pictures = Originals(table.facts["dataset"], archives, arguments.archives, arguments.data)
    if not pictures.at_hand:
        log.warning("%s is not at hand: resizing inside the graphs is not compared", pictures.archive)
    with faults_told(arguments.out):
        arguments.out.mkdir(parents=True, exist_ok=True)
    with alone_in(arguments.out), written_together(arguments.out, seal=SEAL) as folder:
        facts = description(arguments, table, records, networks) | {
            "window": pictures.window,
            "mask_values": pictures.mask_values,
            "format": pictures.format,
            "scale": pictures.scale,
            "axis": pictures.axis,
            "made_by": made_by(pictures.format, pictures.axis, pictures.scale),
        }
        facts |= {"recorded": known_of_pictures(arguments.data, table.facts["dataset"])}
        facts |= {"training_pictures": training_pictures(networks["student"].row.split, pictures)}
        facts |= graphs(arguments, folder, records, networks, pictures)
        price = integers(arguments, folder, records, networks, pictures, facts["models"])
        latency = measured(arguments, folder, records, networks, pictures)
        scores, subgroups = scores_of(arguments, table, records, networks)
        write_csv(folder / "scores.csv", scores)
        write_csv(folder / "subgroups.csv", subgroups, ("model", "run", "seed", "network", *subgroup_scores.COLUMNS))
        write_csv(folder / "int8.csv", price)
        write_csv(folder / "latency.csv", latency)
        write_json(folder / "leakage.json", [without_examples(report) for report in leakage])
        write_programs(folder)
        write_text(folder / "README.md", card(facts, scores, subgroups, latency, leakage_table(leakage), price))
        write_json(folder / SEAL, facts | {"files": {one.name: sha256_of(one) for one in sorted(folder.iterdir())}})
        write_zip(arguments.zip, {f"{facts['name']}/{one.name}": one.read_bytes() for one in folder.iterdir()}, DATE)
    if ENSEMBLE not in networks:  # one of an earlier choice
        for name in (f"{ENSEMBLE}.onnx", f"{ENSEMBLE}_int8.onnx"):
            (arguments.out / name).unlink(missing_ok=True)
    log.info("made %s and %s", arguments.out, arguments.zip)


def description(arguments: argparse.Namespace, table: RunTable, records: Records, networks: Networks) -> Facts:
    """Say what the exported networks are, but for their graphs."""
    place, record = table.facts, records[str(networks["student"].row.folder)]
    licences = licences_of(place["dataset"], arguments.drawn, arguments.licence)
    return {
        "name": f"{place['task']}-{place['pair']}-{place['protocol']}",
        "title": place["task_title"],
        "teacher_title": place["teacher_title"],
        "student_title": place["student_title"],
        **{key: place[key] for key in ("protocol", "task", "dataset", "kind", "pair")},
        "classes": record["settings"]["classes"],
        "size": record["images"]["size"],
        "metrics": place["metrics"].split(SEPARATOR),
        "validation_metric": TITLES[PRIMARY[table.kind]],
        "drawn": arguments.drawn,
        "note": arguments.note,
        "licence": strictest(licences),
        "licences": [licence.terms for licence in licences],
        "commercial": commercial_use(licences),
        "start_weights": started_from(record),
        "departures": "; ".join(departures(record)),
        "packages": {name: version(name) for name in PACKAGES},
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "provenance": provenance(record, networks),
    }


def without_examples(report: Facts) -> Facts:
    """A leakage report without the pairs of pictures that it shows, whose names may be those of patients."""
    near = {name: value for name, value in report["near_duplicates"].items() if name != "examples"}
    return report | {"near_duplicates": near}


def started_from(record: Facts) -> list[str]:
    """What the networks of a run started from, in words."""
    used = [one["weights"] for one in record["settings"]["networks"].values() if one["weights"]]
    said = [f"start weights: {one['timm'] or 'a file'}, which have terms of their own. {one['note']}" for one in used]
    return [text.strip() for text in dict.fromkeys(said)]


def provenance(record: Facts, networks: Networks) -> dict[str, str]:
    """What the networks were trained with: folders, hashes, packages."""
    runs = {f"run of the {name}": str(one.row.folder) for name, one in networks.items()}
    hashes = {f"SHA-256 of {key}": value for key, value in record["inputs"].items() if isinstance(value, str)}
    packages = ", ".join(f"{name} {found}" for name, found in record["packages"].items())
    code = {"hash of the training code": record["code_hash"], "hash of the student's settings": record["settings_hash"]}
    return {**runs, **code, **hashes, "trained with": packages, "trained on": record["device"]}


def known_of_pictures(data: Path, dataset: str) -> dict[str, list[str]]:
    """What is recorded of the pictures, and under `codes` those of it whose values are codes that the archive gives no key to."""
    found = recorded(data / "index.parquet")
    codes = [name for name in found["subgroups"] if name in WITHOUT_KEY.get(dataset, ())]
    return found | {"codes": codes}


def training_pictures(split: Path, pictures: Originals) -> Facts:
    """What the pictures are like that the student was trained on, and how far from them those of validation are."""
    parts = read_split(split, len(pictures.images))
    train, validation = parts["train"].rows, parts["validation"].rows
    sizes = (one.shape[:2] for one in pictures.pictures([*train, *validation])) if pictures.at_hand else ()
    prepared = ((pictures.images[row] for row in rows) for rows in (train, validation))
    return describe(*prepared, sizes, pictures.modes)


def graphs(
    arguments: argparse.Namespace, folder: Path, records: Records, networks: Networks, pictures: Originals
) -> Facts:
    """Write student.onnx and ensemble.onnx, each compared with what its run said, and give what is known of them."""
    from kdml.export.folder import exported

    models, taught = {}, []
    for name, one in networks.items():
        if name != TEACHER:
            record = records[str(one.row.folder)]
            models[name] = exported(folder / f"{name}.onnx", one, record, pictures, arguments.threads)
            models[name]["training"] = training(record["settings"], one.networks)
            taught.append(taught_by_teacher(record["settings"], one.networks))
    where = "archives" if pictures.at_hand else "prepared arrays"
    return {"models": models, "taught_by_teacher": all(taught), "pictures_from": where}


def integers(
    arguments: argparse.Namespace,
    folder: Path,
    records: Records,
    networks: Networks,
    pictures: Originals,
    models: dict[str, Facts],
) -> list[Facts]:
    """Write student_int8.onnx and ensemble_int8.onnx, note them under `int8` of each model, give their price."""
    from kdml.export.folder import exported_int8

    rows = []
    for name, facts in models.items():
        chosen = networks[name]
        record = records[str(chosen.row.folder)]
        facts["int8"], price = exported_int8(folder / f"{name}.onnx", chosen, record, pictures, arguments.threads)
        rows += [{"model": name, **row} for row in price]
    return rows


def measured(
    arguments: argparse.Namespace, folder: Path, records: Records, networks: Networks, pictures: Originals
) -> list[Facts]:
    """Time and memory of the graphs, the teacher's among them, for the first picture of the test set."""
    from kdml.export.folder import write_graph
    from kdml.export.latency import latencies

    (row, *_) = read_split(networks["student"].row.split, len(pictures.images))["test"].rows
    (picture,) = pictures.pictures([row])
    with tempfile.TemporaryDirectory() as beside:
        files = {name: (Path(beside) if name == TEACHER else folder) / f"{name}.onnx" for name in networks}
        if TEACHER in networks:
            write_graph(files[TEACHER], networks[TEACHER], records[str(networks[TEACHER].row.folder)])
        files |= {f"{name}_int8": folder / f"{name}_int8.onnx" for name in networks if name != TEACHER}
        return latencies(files, picture, sorted({1, arguments.threads}))


def scores_of(
    arguments: argparse.Namespace, table: RunTable, records: Records, networks: Networks
) -> tuple[list[Facts], list[Facts]]:
    """Rows of scores.csv, every metric of each of the networks, but those with a temperature, which no graph applies; and those of
    subgroups.csv."""
    scores, subgroups = [], []
    for model, one in networks.items():
        name = ENSEMBLE if model == ENSEMBLE else one.networks[0]
        keys = {"model": model, "run": one.row.run, "seed": one.row.seed, "network": name}
        found = scored(one.row, name, table.kind, arguments.data, records[str(one.row.folder)])
        scores += [keys | row for row in found.scores if row["metric"] not in AFTER_SCALING]
        subgroups += [keys | row for row in found.subgroups]
    return scores, subgroups


def leakage_of(reports: Mapping[str, Path], networks: Networks) -> list[Facts]:
    """Leakage reports of the splits of the exported networks, each once.

    Args:
        reports: by the path of the split.
        networks: that are exported.

    Raises:
        UserError: the report of a split was not given.
    """
    splits = dict.fromkeys(str(one.row.split) for name, one in networks.items() if name != TEACHER)
    if missing := [split for split in splits if split not in reports]:
        raise UserError(f"--leakage has no report of {missing[0]}.", f"add {missing[0]}=REPORT")
    return [read_json(reports[split], "make the split again") for split in splits]


if __name__ == "__main__":
    run_script(main)
