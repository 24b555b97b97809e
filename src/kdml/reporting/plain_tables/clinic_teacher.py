"""A student in the teacher's place, at every place: whether it is good enough, what it gets wrong instead, whether a second
student is worth its costs, and whether a third one that both teach does as well as the two."""

from collections.abc import Iterator, Mapping, Sequence

from kdml.analysis.metrics import digits_scale_of
from kdml.analysis.non_inferiority import USELESS
from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, NO_INTERVAL, Cell, digits_of, is_known, number, text, with_interval
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.clinic import section
from kdml.reporting.plain_tables.place_columns import row_order
from kdml.reporting.table_model import MINUS, NOTHING, Column, Row, Section, Table
from kdml.runs.graph import BASELINE, ENSEMBLE, TEACHER

GOOD_ENOUGH = (
    "Variant", "Network", "Against", Column(f"Difference{INTERVAL}", "Difference"), "Verdict", Column("Power (%)", "Power"),
    Column("Detectable", "Detectable"),
)  # fmt: skip
FLIPS = (
    "Variant", "Network", "Against", Column(f"Flips{INTERVAL}", "Flips"), "Gains", "Worst subgroup",
    Column("Flips there [all hold]", "Flips there"), Column("Cases there"), Column("Groups there"),
)  # fmt: skip
ONE_OR_TWO = (
    "Variant", "Best student", "Its score", "Ensemble", Column(f"Gained{INTERVAL}", "Gained"), "Parameters (M)",
    "MACs (G)", "Latency (ms)",
)  # fmt: skip
THIRD = (
    "Variant", "Network", "Score", Column(f"Minus best student{INTERVAL}", "Minus best student"),
    Column(f"Minus ensemble{INTERVAL}", "Minus ensemble"), "Parameters (M)", "MACs (G)", "Latency (ms)",
)  # fmt: skip
MOST_DIGITS = 4
USELESS_SAID = (
    "A network here is compared with one that does no better than naming the most frequent class, or marking the same everywhere:"
    " to be as good as that says nothing."
)
# Column of compression.csv, factor to what is shown, and format.
COSTS = (("parameters", 1e-6, ".2f"), ("macs", 1e-9, ".3f"), ("latency_ms", 1.0, ".1f"))


def table(data: Data) -> Table:
    """Sections of a place below each other: good enough, negative flips, one student or two, a third student.

    Args:
        data: files `non_inferiority:PLACE`, `flips:PLACE`, `second_student:PLACE`, `scores:PLACE` with costs, and `runs:PLACE`.
    """
    parts = (_good_enough(data), _flips(data), _one_or_two(data), _third(data))
    places = data.places("runs")
    return Table(tuple(sorted((one for part in parts for one in part), key=lambda one: places.index(one.key))))


def _tested(row: Row) -> str:
    """How much stands behind the numbers of a section."""
    cases, groups, seeds = (int(row[name]) for name in ("cases", "groups", "seeds"))
    return f"{labels.counted(cases, 'case')} in {labels.counted(groups, 'group')}, {labels.counted(seeds, 'seed')}."


def _good_enough(data: Data) -> tuple[Section, ...]:
    found: tuple[Section, ...] = ()
    for place, rows in data.under("non_inferiority").items():
        known = sorted((row for row in rows if is_known(row["estimate"])), key=lambda row: (row_order(row), _rank(row)))
        cells = [
            (
                text(labels.run(row["run"])),
                text(labels.network(row["network"])),
                _against(row),
                _difference(row),
                text(row["verdict"]),
                number(100 * float(row["power"]) if is_known(row["power"]) else "", ".0f"),
                _detectable(row),
            )
            for row in known
        ]
        note = (
            f"{labels.metric(known[0]['metric'])}, margin {float(known[0]['margin']):g}; {_tested(known[0])}"
            if known
            else ""
        )
        if any(USELESS in row["remark"] for row in known):
            note += f" {USELESS_SAID}"
        found += section(data, place, "Good enough", GOOD_ENOUGH, cells, note)
    return found


def _difference(row: Row) -> Cell:
    """A difference with its interval, in as many decimals as keep its ends off the margin that they are compared with."""
    margin, fewest = -float(row["margin"]), digits_of(row["cases"])
    for digits in range(fewest, max(fewest, MOST_DIGITS) + 1):
        cell = with_interval(row["estimate"], row["low"], row["high"], digits)
        if NO_INTERVAL in cell.text:
            break
        shown = cell.text.partition("[")[2].removesuffix("]").replace(MINUS, "-").split(", ")
        if not any(float(one) == margin != end for one, (_, end) in zip(shown, cell.more, strict=False)):
            break
    return cell


def _detectable(row: Row) -> Cell:
    return text("over 100") if row["detectable"] == "inf" else number(row["detectable"], ".1f")


def _flips(data: Data) -> tuple[Section, ...]:
    """Ensembles and the student alone, against each network that they could replace."""
    found: tuple[Section, ...] = ()
    for place, rows in data.under("flips").items():
        totals = [row for row in rows if not row["attribute"] and row["network"] in (ENSEMBLE, BASELINE)]
        worst = {_key(row): row for row in rows if row["worst"] == "1"}
        cells = [
            _of_flips(row, worst.get(_key(row))) for row in sorted(totals, key=lambda row: (row_order(row), _rank(row)))
        ]
        found += section(data, place, "Negative flips", FLIPS, cells, _shown(rows) if rows else "")
    return found


def _key(row: Row) -> tuple[str, str, str]:
    return row["run"], row["network"], row["against"]


def _against(row: Row) -> Cell:
    return text("Own teacher" if row["against"] == TEACHER else labels.run(row["against"]))


def _rank(row: Row) -> int:
    return [*labels.ALONE, TEACHER].index(row["against"])


def _of_flips(row: Row, worst: Row | None) -> tuple[Cell, ...]:
    digits = digits_of(row["cases"])
    there = (text(NOTHING), number(""), number(""), number(""))
    if worst is not None:
        of = with_interval(worst["flips"], worst["low"], worst["high"], digits_of(worst["cases"]))
        sizes = (number(worst[name], ".0f") for name in ("cases", "groups"))
        there = (text(f"{worst['attribute']}: {worst['subgroup']}"), of, *sizes)
    return (
        text(labels.run(row["run"])),
        text(labels.network(row["network"])),
        _against(row),
        with_interval(row["flips"], row["low"], row["high"], digits),
        number(row["gains"], f".{digits}f"),
        *there,
    )


def _shown(rows: Sequence[Row]) -> str:
    """Which subgroups there are, how small the smallest is, and how many were left out."""
    first = next(row for row in rows if not row["attribute"])
    sizes = [int(row["cases"]) for row in rows if row["attribute"]]
    attributes = list(dict.fromkeys(row["attribute"] for row in rows if row["attribute"]))
    said = f"{_tested(first)} "
    if not sizes:
        said += "No subgroup has enough cases."
    else:
        subgroups = labels.counted(int(first["subgroups"]), "subgroup")
        said += f"{subgroups} by {', '.join(attributes)}; the smallest has {labels.counted(min(sizes), 'case')}."
    return f"{said} Too small and left out: {first['left_out']}." if first["left_out"] != "0" else said


def _one_or_two(data: Data) -> tuple[Section, ...]:
    found: tuple[Section, ...] = ()
    for place, rows in data.under("second_student").items():
        costs = {(row["run"], row["network"]): row for row in data.rows(f"scores:{place}")}
        cells = [_of_students(row, costs) for row in sorted(rows, key=lambda row: labels.run_order(row["run"]))]
        found += section(data, place, "One student or two", ONE_OR_TWO, cells, _best(rows) if rows else "")
    return found


def _of_students(row: Row, costs: Mapping[tuple[str, str], Row]) -> tuple[Cell, ...]:
    digits = digits_of(row["cases"], digits_scale_of(row["metric"]))
    one, both = costs[row["run"], row["single"]], costs[row["run"], row["ensemble"]]
    return (
        text(labels.run(row["run"])),
        text(labels.network(row["single"])),
        number(row["single_mean"], f".{digits}f"),
        number(row["ensemble_mean"], f".{digits}f"),
        with_interval(row["gained"], row["low"], row["high"], digits),
        *(_from_to(one[name], both[name], factor, form) for name, factor, form in COSTS),
    )


def _from_to(one: str, both: str, factor: float, form: str) -> Cell:
    cells = [number(factor * float(value), form) for value in (one, both)]
    return Cell(" → ".join(cell.text for cell in cells), cells[0].value, (("ensemble", cells[1].value),))


def _best(rows: Sequence[Row]) -> str:
    """The student that validation chooses among all runs."""
    best = max(rows, key=lambda row: float(row["validation"]))
    name = f"{labels.network(best['single'])} of {labels.run(best['run'])}"
    return f"{labels.metric(best['metric'])}. Of these students validation chooses {name} ({float(best['validation']):.1f} there)."


def _third(data: Data) -> tuple[Section, ...]:
    """A third student that others teach, beside the best of these and their ensemble; none where no run has one."""
    found: tuple[Section, ...] = ()
    for place, rows in data.under("second_student").items():
        costs = {(row["run"], row["network"]): row for row in data.rows(f"scores:{place}")}
        mine = sorted((row for row in rows if row["third"]), key=lambda row: labels.run_order(row["run"]))
        cells = [line for row in mine for line in _beside(row, costs)]
        found += section(data, place, "A third student", THIRD, cells, _compared(mine) if mine else "")
    return found


def _beside(row: Row, costs: Mapping[tuple[str, str], Row]) -> Iterator[tuple[Cell, ...]]:
    """Lines of the best student, the ensemble and the third student of a run."""
    digits, nothing = digits_of(row["cases"], digits_scale_of(row["metric"])), number("")
    gained = with_interval(row["gained"], row["low"], row["high"], digits)
    over = [
        with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], digits)
        for name in ("over_single", "over_ensemble")
    ]
    networks = {
        row["single"]: ("single_mean", nothing, nothing),
        row["ensemble"]: ("ensemble_mean", gained, nothing),
        row["third"]: ("third_mean", *over),
    }
    for name, (score, *differences) in networks.items():
        of = costs[row["run"], name]
        yield (
            text(labels.run(row["run"])),
            text(f"{labels.network(name)} (third)" if name == row["third"] else labels.network(name)),
            number(row[score], f".{digits}f"),
            *differences,
            *(number(factor * float(of[cost]), form) for cost, factor, form in COSTS),
        )


def _compared(rows: Sequence[Row]) -> str:
    """What is compared, and which ensemble where that of the sources was not measured."""
    metric, *many = rows[0]["metric"], *(labels.counted(rows[0][f"{what}s"], what) for what in ("case", "seed"))
    said = f"{labels.metric(metric)}; {', '.join(many)}."
    if other := [labels.run(row["run"]) for row in rows if row["ensemble"] == ENSEMBLE]:
        lacking = "its table of cases lacks that of the third one's sources"
        said += f" Of {', '.join(other)} the ensemble is that of all students: {lacking}."
    return said
