"""What follows from the design of an experiment alone, before its numbers are looked at: tables and their words. Rendering only."""

from collections.abc import Sequence

from kdml.paper.numbers import RUNS
from kdml.reporting import labels
from kdml.reporting.cells import number, text
from kdml.reporting.table_model import NOTHING, Block, Cell, Column, Group, Line, Row

SAME = (
    "An online teacher learns from the labels alone. Under equal seeds it is one network in KD (on) and KD + ML and under V1, V2 "
    "and V3, unless its schedule, stop or choice of weights follows the students. So where T rows of these six variants differ, "
    "as the paper's do, that is other seeds or other schedules, and no knowledge that is shared. Likewise a student of KD without "
    "ML hears the teacher alone: where V3 gives it the knowledge of V2 (S1) or V1 (S2) at the same weights, it is one network in "
    "both. A contrast between them is 0 with an interval of no width; it tells nothing of claim 5 and does not count."
)
DETECTS = (
    "How often a real difference between two ensembles would be called significant. Simulated by the rule that decides the claims "
    "from the numbers of seeds and test groups, the SD over seeds of a difference (root mean square over pairs of variants) and "
    "its standard error over test cases with the networks fixed; of one seed over test cases alone, which is too hopeful. "
    "First by Holm: at the level over so many tests. The paper's: Student's t of two means of 3 runs, not paired, from the SDs "
    "that it prints, without the scatter of test cases."
)


def teachers(rows: Sequence[Row]) -> Block:
    """The lowest and highest mean of the paper's online teachers, by table.

    Args:
        rows: of design.csv.
    """
    tables = {row["table"]: row for row in rows if row["table"]}
    lines = tuple(
        Line((text(labels.metric(row["metric"])), number(row["paper_teachers_low"]), number(row["paper_teachers_high"]),
              number(float(row["paper_teachers_high"]) - float(row["paper_teachers_low"]))), f"{table}: {row['place']}")
        for table, row in sorted(tables.items(), key=lambda item: int(item[0]))
    )  # fmt: skip
    columns = ("metric", "lowest T", "highest T", "apart")
    return Block((Group(tuple(map(Column, columns))),), lines, "The paper's table", headed=True)


def detects(rows: Sequence[Row]) -> Block:
    """What each place can detect: these runs, then the paper's tables.

    Args:
        rows: of design.csv.
    """
    points = next((f"{float(row['points']):g}" for row in rows if row["points"]), "")
    tests = next((row["tests"] for row in rows if row["tests"]), "")
    columns = (
        "test images", "groups", "seeds", "SD over seeds", "SE over test cases", f"+{points} points found",
        f"first of {tests} (Holm)", "found 4 times in 5",
    )  # fmt: skip
    lines = [Line(_ours(row), _title(row)) for row in rows if row["seeds"]]
    papers = {row["table"]: row for row in rows if row["table"]}
    lines += [Line(_papers(row), f"the paper's table {table}: {row['place']}") for table, row in papers.items()]
    return Block((Group(tuple(map(Column, columns))),), tuple(lines), "Where", headed=True)


def _title(row: Row) -> str:
    return f"{row['place']}, {labels.pair(row['pair'])}, {labels.PROTOCOLS.get(row['protocol'], row['protocol'])}"


def _ours(row: Row) -> tuple[Cell, ...]:
    infinite = row["detectable"] == "inf"
    return (
        *(number(row[name], ",.0f") for name in ("cases", "groups", "seeds")), number(row["scatter"]), number(row["cases_error"]),
        _share(row["power"]), _share(row["power_adjusted"]),
        text("none") if infinite else number(row["detectable"], ".1f", " points"),
    )  # fmt: skip


def _papers(row: Row) -> tuple[Cell, ...]:
    unknown = Cell(NOTHING)
    return (
        unknown, unknown, number(RUNS, ".0f"), number(row["paper_sd"], ".2f", " of one run"), unknown, _share(row["paper_power"]),
        _share(row["paper_power_adjusted"]), unknown,
    )  # fmt: skip


def _share(value: str) -> Cell:
    return number(100 * float(value), ".0f", " %")
