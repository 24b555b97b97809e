"""Table 10: published methods with one student, and what the paper proposes."""

from collections.abc import Iterator

from kdml.paper import numbers
from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, digits_of, measured, number, p_value, papers, text, with_interval
from kdml.reporting.data import Data
from kdml.reporting.places import PlaceResults, compared_network, misprinted, read_places
from kdml.reporting.plain_tables.place_columns import by_place
from kdml.reporting.table_model import NOTHING, Cell, Column, Row, Table
from kdml.runs.graph import PROPOSED

COLUMNS = (
    "Method", "Metric", "Paper", "Ours", Column(f"Proposed − method{INTERVAL}", "Proposed − method"), "p", "p (Holm)",
    "Loss weights", "Departs from the publication", "Options", "Student (M)", "Added in training (M)",
)  # fmt: skip
NOTE = (
    "Proposed: the ensemble of the two students of KD + ML with V3; a method has one student. Ours: one seed with the 95 % "
    "interval over test images; several seeds as mean ± SD. Added in training: adaptors and adversary in million parameters, "
    "thrown away afterwards. Interval and p: the wider of a bootstrap over seeds and groups of test cases and of Student's over "
    "seeds; Holm over the methods of a place and metric."
)
DASH = number("")


def table(data: Data) -> Table:
    """Methods of all places beside the paper's numbers and against its proposal.

    Args:
        data: files `runs:PLACE`, `values:PLACE`, `contrasts:PLACE` and `methods:PLACE`, the latter three of the sheet of methods.

    Raises:
        UserError: a file is missing or unfit, or versions of the training code are mixed.
    """
    places = read_places(data)
    rows = {place.label: list(_rows(place, data)) for place in places}
    return by_place(data, COLUMNS, rows, (NOTE, *misprinted(places, "methods")))


def _rows(place: PlaceResults, data: Data) -> Iterator[tuple[Cell, ...]]:
    described = {row["run"]: row for row in data.rows(f"methods:{place.label}")}
    contrasts = (row for row in data.at("contrasts", place.label) if row["family"] == "methods")
    against = {(row["right"], row["metric"]): row for row in contrasts}
    values, theirs = place.by_key(), place.papers("methods")
    for name in dict.fromkeys((*described, PROPOSED)):
        title = described[name]["title"] if name in described else f"{labels.run(name)} (proposed)"
        for metric in place.metrics:
            key = (name, compared_network(name), metric)
            if key in values:
                yield (
                    text(title), text(labels.metric(metric)), _papers(theirs.get(key)), _ours(values[key]),
                    *_against(against.get((name, metric))), *_added(described.get(name)),
                )  # fmt: skip


def _papers(value: numbers.Value | None) -> Cell:
    return DASH if value is None else Cell(papers(value), value[0], (("sd", value[1]),))


def _ours(row: Row) -> Cell:
    return measured(row, digits_of(row["cases"]))


def _against(row: Row | None) -> tuple[Cell, ...]:
    if row is None:
        return (DASH,) * 3
    return (
        with_interval(row["estimate"], row["low"], row["high"], digits_of(row["cases"])),
        p_value(row["p"]),
        p_value(row["p_holm"]),
    )


def _added(row: Row | None) -> tuple[Cell, ...]:
    if row is None:
        return *(text(NOTHING),) * 3, DASH, DASH
    added = float(row["adaptor_parameters"]) + float(row["adversary_parameters"])
    stages = f"{row['stages']} stages" if row["stages"] != "1" else ""
    return (
        text(row["weights"]),
        text(row["departures"] or NOTHING),
        text(", ".join(filter(None, (row["options"], stages))) or "default"),
        number(float(row["student_parameters"]) / 1e6),
        number(added / 1e6),
    )
