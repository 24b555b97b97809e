"""Plain tables: what they say, and that all their forms are regular."""

import json
import subprocess
import sys

import pytest

from kdml import grids
from kdml.grids import GRIDS, Cell, Grid, Sources
from kdml.rendering import fill
from kdml.sharing import VARIANTS, LossWeights, paper_graph

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
    assert grids.number("").text == "–" and grids.number("1234", ",.0f").text == "1,234"
    assert (
        grids.with_interval("1", "", "").text == "1.00"
        and grids.with_interval("1", "0", "2").text == "1.00 [0.00, 2.00]"
    )
    assert (
        grids.with_interval("-1e-9", "-0.001", "0.2").text == "0.00 [0.00, 0.20]"
        and grids.number("-0.2").text == "-0.20"
    )
    assert grids.p_value("0.0001").text == "< 0.001" and grids.p_value("").text == "–"


def test_compression_says_what_is_saved():
    costs = [{"network": name, "parameters": n, "macs": "1e9", "bytes": "1e6", "latency_ms": "2", "size": "64", "threads": "1", "machine": "m"}
             for name, n in (("teacher", "200"), ("student", "80"), ("ensemble", "160"))]  # fmt: skip
    value = {"truth": "label", "metric": "accuracy", "mean": "90", "low": "80", "high": "95"}
    values = [value | {"run": "kd_ml_v3", "network": "ensemble"}]
    alone = [value | {"run": "baseline", "network": "baseline", "mean": "70"}]
    rows = {"costs:paper/hcd/small": costs, "values:paper/hcd/small": values, "values-student:paper/hcd/small": alone}
    table = [[cell.text for cell in row] for row in GRIDS["compression"](Sources(rows, {})).rows]
    assert [row[5] for row in table] == ["0.0 %", "60.0 %", "20.0 %"]
    assert table[1][-1] == "70.00 [80.00, 95.00] (Student network alone)" and table[0][-1] == "–"


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
