"""Graphs of the chosen networks of a place, compared with what is stored of them, in a folder and its zip."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto

from kdml import deploy
from kdml.analysis.evaluation import read_test_set
from kdml.analysis.int8_price import price, worse_metrics
from kdml.analysis.surfaces import spacing_of
from kdml.common.files import sha256_of, write_text
from kdml.common.zip_files import write_zip
from kdml.data.arrays import read_split
from kdml.data.originals import Originals
from kdml.deploy.folder import about
from kdml.export import int8, parity
from kdml.export.choice import Chosen
from kdml.export.graphs import graph_of
from kdml.export.preparation import resizing
from kdml.learning.networks import parameter_count
from kdml.learning.trained import networks_of
from kdml.runs import predictions

log = logging.getLogger(__name__)
INT8 = "int8"
BEGIN = """import sys
from pathlib import Path

from kdml.deploy.__main__ import main

sys.exit(main(Path(sys.argv[0]).resolve().parent))
"""
PAGE = """import pkgutil
import sys
from pathlib import Path

from kdml.deploy.page import main

sys.exit(main(Path(sys.argv[0]).resolve().parent, pkgutil.get_data("kdml.deploy", "page.html").decode()))
"""
REQUIREMENTS = """onnxruntime>=1.20
numpy>=1.26
pillow>=10.1
"""
DATE = (2020, 1, 1, 0, 0, 0)  # of a zip's members, so that equal files make equal zips


def write_graph(path: Path, chosen: Chosen, record: Mapping[str, Any]) -> tuple[ModelProto, int]:
    """Write the ONNX graph of chosen networks, which says of itself what it is.

    Args:
        path: to write.
        chosen: the networks.
        record: run.json of their run.

    Returns:
        The graph, and the number of parameters in it.
    """
    settings, size = record["settings"], record["images"]["size"]
    trained = networks_of(chosen.row.folder)
    networks = [trained[name] for name in chosen.networks]
    of_several = settings["kind"] == "segmentation" and len(settings["classes"]) > 1
    model = graph_of(networks, settings["kind"], size, of_several)
    # A network trained alone has a pair and a run of its own in its settings; the folder names it as its table of runs does.
    place = {key: chosen.row.values[key] for key in ("protocol", "task", "pair")}
    of_run = {"run": chosen.row.run, "seed": chosen.row.seed, "networks": chosen.networks}
    said = about(settings | {"size": size} | place, of_run)
    hashes = {name: record[name] for name in ("settings_hash", "code_hash")}
    onnx.helper.set_model_props(model, said | hashes)
    onnx.save(model, path)
    return model, sum(map(parameter_count, networks))


def exported(
    path: Path, chosen: Chosen, record: Mapping[str, Any], pictures: Originals, threads: int
) -> dict[str, Any]:
    """Write the graph of chosen networks, run it over the whole test set, and say what is known of it.

    Args:
        path: to write.
        chosen: the networks.
        record: run.json of their run.
        pictures: of the data set.
        threads: that compute.

    Raises:
        UserError: the graph does not say what the run said after its training.
    """
    settings = record["settings"]
    log.info("%s: %s of %s", path.name, ", ".join(chosen.networks), chosen.row.folder)
    model, parameters = write_graph(path, chosen, record)
    stored = predictions.load(chosen.row.folder / "predictions.npz")
    found = parity.compared(
        model,
        resizing(record["images"]["size"]),
        pictures.pictures(stored.rows),
        (pictures.images[row] for row in stored.rows),
        parity.stored_of(stored.outputs, chosen.networks, settings["kind"]),
        threads,
    )
    parity.check(found, settings["training"]["precision"], path.stem)
    log.info("%s: probabilities differ by at most %.2g", path.name, found.difference)
    bar = parity.BARS[settings["training"]["precision"]]
    return {
        "file": path.name,
        "sha256": sha256_of(path),
        "run": chosen.row.run,
        "seed": chosen.row.seed,
        "networks": list(chosen.networks),
        "validation": chosen.score,
        "among": chosen.among,
        "parameters": parameters,
        "settings_hash": record["settings_hash"],
        "code_hash": record["code_hash"],
        "parity": asdict(found) | {"bar_probability": bar.probability, "bar_decisions": bar.decisions},
    }


def exported_int8(
    path: Path, chosen: Chosen, record: Mapping[str, Any], pictures: Originals, threads: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write a graph once more in 8-bit integers, beside it, and measure on the whole test set what that costs.

    Args:
        path: of the graph in float32.
        chosen: its networks.
        record: run.json of their run.
        pictures: of the data set.
        threads: that compute.

    Returns:
        What is known of the file, and the rows of its price.
    """
    kind, beside = record["settings"]["kind"], path.with_name(f"{path.stem}_{INT8}.onnx")
    rows = int8.calibration_rows(read_split(chosen.row.split, len(pictures.images))["train"].rows)
    int8.write_int8(path, beside, (pictures.images[row] for row in rows))
    tested = read_test_set(chosen.row.split, pictures.data if kind == "segmentation" else None)
    if tested.masks is not None:
        tested = replace(tested, spacing=spacing_of(pictures.data / "index.parquet", tested.rows))
    exact, rounded = int8.answers((path, beside), pictures.pictures(tested.rows), kind, threads)
    costs = price(tested, exact, rounded, record)
    first, second = map(predictions.decisions, (exact, rounded))
    worse, changed = worse_metrics(costs), int((first != second).sum())
    log.info(
        "%s: %d of %d decisions change; worse by %s", beside.name, changed, first.size, ", ".join(worse) or "no metric"
    )
    return {
        "file": beside.name,
        "sha256": sha256_of(beside),
        "calibration_pictures": len(rows),
        "decisions": first.size,
        "changed": changed,
        "worse": worse,
    }, costs


def write_programs(folder: Path) -> None:
    """Write predict.pyz and page.pyz, which Python runs as they are, and what the first needs, requirements.txt."""
    source = Path(deploy.__file__).parent
    files = {f"kdml/deploy/{path.name}": path.read_bytes() for path in source.glob("*.py")} | {"kdml/__init__.py": b""}
    write_zip(folder / "predict.pyz", files | {"__main__.py": BEGIN.encode()}, DATE)
    needed = [f"kdml/deploy/{name}.py" for name in ("__init__", "folder", "onnx_file", "page", "problems")]
    html = {"kdml/deploy/page.html": (source / "page.html").read_bytes(), "__main__.py": PAGE.encode()}
    write_zip(folder / "page.pyz", {"kdml/__init__.py": b""} | {name: files[name] for name in needed} | html, DATE)
    write_text(folder / "requirements.txt", REQUIREMENTS)
