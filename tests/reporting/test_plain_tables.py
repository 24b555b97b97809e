"""Plain tables: what they say, and that all their forms are regular."""

import json
import subprocess
import sys

import pytest

from kdml.reporting import plain_tables
from kdml.reporting.plain_tables import GRIDS, Cell, Grid, Sources
from kdml.reporting.templates import fill
from kdml.runs.graph import VARIANTS, LossWeights, paper_graph

EVEN = (LossWeights(1, 1, 1), LossWeights(1, 1, 1))
GRAPHS = {
    name: [(e.source, e.learner, str(e.knowledge)) for e in paper_graph(*key, EVEN).edges]
    for name, key in VARIANTS.items()
}


def words(grid):
    return {row[0].text: [cell.text for cell in row[1:]] for row in grid.rows}


def test_table_1_is_the_papers():
    grid = GRIDS["table_01"](Sources({}, GRAPHS))
    assert grid.columns == ("Variant", "T → S1", "T → S2", "S1 → S2", "S2 → S1")
    found = words(grid)
    assert found["KD + ML V3"] == ["features", "predictions", "features", "predictions"]
    assert found["KD (off) V1"] == ["predictions", "predictions", "–", "–"] and found["ML V2"][2:] == [
        "features",
        "features",
    ]


def test_table_5_names_every_term():
    found = words(GRIDS["table_05"](Sources({}, GRAPHS)))
    assert found["KD + ML V3"] == ["L(KD, f) + L(ML, p)", "L′(KD, p) + L′(ML, f)"]
    assert found["ML V1"] == ["L(ML, p)", "L′(ML, p)"]


def test_cells():
    assert plain_tables.number("").text == "–" and plain_tables.number("1234", ",.0f").text == "1,234"
    assert (
        plain_tables.with_interval("1", "", "").text == "1.00"
        and plain_tables.with_interval("1", "0", "2").text == "1.00 [0.00, 2.00]"
    )
    assert (
        plain_tables.with_interval("-1e-9", "-0.001", "0.2").text == "0.00 [0.00, 0.20]"
        and plain_tables.number("-0.2").text == "-0.20"
    )
    assert plain_tables.p_value("0.0001").text == "< 0.001" and plain_tables.p_value("").text == "–"


def test_an_online_teacher_that_learns_from_a_student_has_its_terms():
    found = words(
        GRIDS["table_05"](Sources({}, {"mine": [("s1", "teacher", "features"), ("teacher", "s1", "predictions")]}))
    )
    assert found["mine"] == ["L(ML, f)", "L(KD, p)"]


def test_compression_says_what_is_saved():
    costs = [{"network": name, "students": students, "parameters": n, "saved": saved, "macs": "1e9", "bytes": "1e6", "latency_ms": "2",
              "size": "64", "threads": "1", "machine": "m"}
             for name, students, n, saved in (("teacher", "0", "200", "0"), ("student", "1", "80", "60"), ("ensemble", "2", "160", "20"))]  # fmt: skip
    scores = [
        {
            "of": "student",
            "students": "1",
            "run": "baseline_student",
            "network": "baseline",
            "mean": "70",
            "low": "60",
            "high": "80",
        }
    ]
    rows = {"costs:paper/hcd/small": costs, "scores:paper/hcd/small": scores}
    table = [[cell.text for cell in row] for row in GRIDS["compression"](Sources(rows, {})).rows]
    assert [row[5] for row in table] == ["0.0 %", "60.0 %", "20.0 %"] and table[2][3] == "2 students (ensemble)"
    assert table[1][-2:] == ["Student network alone", "70.00 [60.00, 80.00]"] and table[0][-2:] == ["–", "–"]


def test_every_number_is_stored_in_a_column_of_its_own():
    grid = Grid(
        ("Run", "Score [95 %]"),
        (
            (plain_tables.text("a"), plain_tables.with_interval("1", "0", "2")),
            (plain_tables.text("b"), plain_tables.number("")),
        ),
    )
    columns, rows = grid.stored()
    assert columns == ["Run", "Score", "Score low", "Score high"]
    assert rows[0] == {"Run": "a", "Score": 1, "Score low": 0, "Score high": 2} and "Score low" not in rows[1]


RIVAL = {"run": "sp", "title": "SP", "student_parameters": "1e6", "adaptor_parameters": "0", "adversary_parameters": "0",
         "stages": "1", "weights": "similarity 375", "options": "", "departures": "weight follows the batch"}  # fmt: skip
VALUE = {
    "run": "sp",
    "network": "s1",
    "truth": "label",
    "metric": "accuracy",
    "mean": "90",
    "std": "1",
    "seeds": "3",
    "low": "nan",
    "high": "nan",
}


@pytest.mark.parametrize(("papers", "shown"), [([], "–"), ([{"table": "10", "run": "sp", "metric": "accuracy", "paper_mean": "94.56", "paper_std": "0.31"}], "94.56 ± 0.310")])  # fmt: skip
def test_table_10_shows_the_papers_number_only_where_it_has_one(papers, shown):
    """It has none for other students than ResNet18; the comparison with the paper knows."""
    files = {"values": [VALUE], "contrasts": [], "methods": [RIVAL], "comparison": papers}
    (row,) = GRIDS["methods"](Sources({f"{name}:paper/hcd/small": rows for name, rows in files.items()}, {})).rows
    assert (row[5].text, row[6].text) == (shown, "90.00 ± 1.000")  # an undefined interval is left out


GRID = Grid(
    ("A|b", "C"), ((Cell("x|y <z>", "x"), Cell("1.0", 1.0)), (Cell("α ± 1", "b"), Cell("–", float("nan")))), ("note",)
)


@pytest.mark.parametrize("suffix", ["md", "tex", "html"])
def test_forms_are_regular(suffix):
    text = fill(f"grid.{suffix}.j2", title="T & t", notes=["n_1"], grid=GRID)
    if suffix == "md":
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert len(lines) == 4 and {line.replace("\\|", "").count("|") for line in lines} == {3}
    elif suffix == "tex":
        assert r"n\_1" in text and r"$\alpha$ $\pm$ 1" in text and r"T \& t" in text and r"$<$z$>$" in text
    else:
        assert "x|y &lt;z&gt;" in text and 'data-value="nan"' in text and "http" not in text


def test_missing_source_ends_with_a_message(root, tmp_path):
    outputs = [part for name in ("csv", "md", "tex", "html") for part in (f"--{name}", tmp_path / f"t.{name}")]
    command = [sys.executable, root / "src/render_grid.py", "--kind", "contrasts", "--title", "t", "--caption", "c"]
    done = subprocess.run(
        [*command, "--data", "paper/hcd/small=nowhere.csv", *outputs], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "nowhere.csv does not exist" in done.stderr and not list(tmp_path.iterdir())


def test_script_writes_all_forms(root, tmp_path):
    outputs = [part for name in ("csv", "md", "tex", "html") for part in (f"--{name}", tmp_path / f"t.{name}")]
    command = [
        sys.executable,
        root / "src/render_grid.py",
        "--kind",
        "table_01",
        "--title",
        "t",
        "--caption=",
        "--graphs",
        json.dumps(GRAPHS),
    ]
    assert subprocess.run([*command, *outputs], check=False).returncode == 0
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 13 and len(list(tmp_path.iterdir())) == 4
