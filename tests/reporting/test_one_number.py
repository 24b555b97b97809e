"""One and the same network has one number in all tables; the check that the end-to-end tests use finds a fault."""

import json

from one_number import contradictions
from place_files import TITLES, data_of, run_row, value_row, write

from kdml.reporting import result_tables
from kdml.reporting.plain_tables import detection
from kdml.reporting.templates import write_table

PLACE = "paper/lgg/small"
SIZES = {"of": "26", "sizes": "at most 90 px"}


def finished(results, found=80.0):
    """Tables of a run whose frozen teacher is the network trained alone, as T of two variants and on its own."""
    taught = [("kd_off_v1", "teacher"), ("kd_off_v2", "teacher"), ("kd_off_v1", "s1")]
    sheets = {"variants": taught, "alone": [("baseline_teacher", "baseline")]}
    made = {}
    for sheet, networks in sheets.items():
        runs = [run_row(run, sheet, task="lgg") for run, _ in networks]
        values = [
            value_row(
                run, network, metric, mean, outputs="one" if network in ("teacher", "baseline") else "other", **words
            )
            for run, network in networks
            for metric, mean, words in (
                ("iou", 70.8333, {}),
                ("f_score", 82.9, {}),
                ("found_small", found if sheet == "alone" else 80.0, SIZES),
            )
        ]
        made[sheet] = data_of(results / "in" / sheet, {PLACE: (runs, values)}, name="t")
        write(results / "mine" / PLACE / sheet / "values.csv", values)
    rows = [run_row(run, sheet, task="lgg") for sheet, networks in sheets.items() for run, _ in networks]
    write(results / "mine" / PLACE / "runs.csv", rows)
    titles = {"table_02": "Table 2", "table_04": f"Table 4: {TITLES['lgg']}", "detection": "Regions found"}
    listed = [{"name": name, "title": title} for name, title in titles.items()]
    (results / "mine/contents.json").write_text(json.dumps(listed))
    both = data_of(results / "in/both", {})
    for label, paths in (*made["variants"].files.items(), *made["alone"].files.items()):
        both.files.setdefault(label, []).extend(paths)
    tables = {
        "table_02": result_tables.baselines(made["alone"]), "table_04": result_tables.results(made["variants"]),
        "detection": detection.table(both),
    }  # fmt: skip
    (results / "tables").mkdir()
    for name, table in tables.items():
        write_table(table, titles[name], "", "", [results / f"tables/{name}.csv"])


def test_one_network_has_one_number_in_all_tables(tmp_path):
    finished(tmp_path)
    count, wrong = contradictions(tmp_path, "mine")
    assert count == 3 and wrong == []  # IoU, F-score and small regions of the teacher


def test_another_number_is_found(tmp_path):
    """As when limits of sizes hung on which runs were measured together."""
    finished(tmp_path, found=75.0)
    ((wrong,),) = [contradictions(tmp_path, "mine")[1]]
    assert "found_small" in wrong and "detection.csv: baseline_teacher baseline" in wrong
