"""Tables that are plain grids: who shares what, architectures, contrasts, methods, similarity, costs, detection, comparison.

Rendering only: all numbers come from tidy CSV.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdml.analysis.metrics import primary
from kdml.paper import numbers
from kdml.reporting import labels
from kdml.runs.graph import PROPOSED, is_student

Row = Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and what is stored of it.

    Args:
        text: to show.
        value: to sort and store by.
        more: further numbers to store, by a word: low, high, sd.
    """

    text: str
    value: float | str
    more: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Grid:
    """A table.

    Args:
        columns: their headings.
        rows: of cells, one per column.
        notes: what a reader must know beyond the caption.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def stored(self) -> tuple[list[str], list[dict[str, float | str]]]:
        """Columns and rows for a CSV: every number has a column of its own, named without what only the shown text needs."""
        names = [column.replace(SHOWN_INTERVAL, "") for column in self.columns]
        rows = [
            {
                f"{name} {word}".strip(): value
                for name, cell in zip(names, row, strict=True)
                for word, value in (("", cell.value), *cell.more)
            }
            for row in self.rows
        ]
        columns = {
            f"{name} {word}".strip(): None
            for place, name in enumerate(names)
            for word in ("", *dict.fromkeys(word for row in self.rows for word, _ in row[place].more))
        }
        return list(columns), rows


SHOWN_INTERVAL = " [95 %]"


@dataclass(frozen=True)
class Sources:
    """What a grid is made from.

    Args:
        rows: of each CSV, by its label (a place as protocol/task/pair, or a word).
        graphs: edges of each variant as (source, learner, knowledge), by its name.
    """

    rows: Mapping[str, Sequence[Row]]
    graphs: Mapping[str, Any]

    def under(self, prefix: str) -> dict[str, Sequence[Row]]:
        """Rows whose label starts with a word, by the rest of it."""
        return {
            label.removeprefix(f"{prefix}:"): rows
            for label, rows in self.rows.items()
            if label.startswith(f"{prefix}:")
        }


def renamed(rows: Sequence[Row], role: str) -> list[Row]:
    """Values of a network trained alone, under the name of its role in a pair."""
    return [{**row, "run": f"baseline_{role}"} for row in rows]


def values_of(sources: Sources) -> dict[str, list[Row]]:
    """Values by place, those of teacher and student trained alone among them."""
    alone = {role: sources.under(f"values-{role}") for role in ("teacher", "student")}
    return {
        label: [*rows, *(row for role, found in alone.items() for row in renamed(found.get(label, ()), role))]
        for label, rows in sources.under("values").items()
    }


def text(value: Any) -> Cell:
    """A cell of words."""
    return Cell(str(value), str(value))


def number(value: Any, form: str = ".2f", suffix: str = "") -> Cell:
    """A cell of a number; a dash where there is none."""
    known = value not in ("", None) and not math.isnan(float(value))
    return Cell(f"{unsigned_zero(float(value), form)}{suffix}", float(value)) if known else Cell("–", math.nan)


def unsigned_zero(value: float, form: str) -> str:
    """A number in a format; one that rounds to zero has no sign."""
    shown = f"{value:{form}}"
    return shown.removeprefix("-") if not shown.strip("-0.,") else shown


def with_interval(mean: Any, low: Any, high: Any, form: str = ".2f") -> Cell:
    """An estimate with its interval in brackets."""
    cell = number(mean, form)
    if cell.text == "–" or number(low).text == "–":
        return cell
    ends = ", ".join(unsigned_zero(float(end), form) for end in (low, high))
    return Cell(f"{cell.text} [{ends}]", cell.value, (("low", float(low)), ("high", float(high))))


def of_seeds(mean: Any, std: Any) -> Cell:
    """Mean ± SD over seeds; a dash where there is none."""
    cell = number(mean)
    if cell.text == "–":
        return cell
    spread = float(std or "nan")
    return Cell(labels.mean_and_spread(cell.value, spread), cell.value, (("sd", spread),))


def p_value(value: Any) -> Cell:
    """Three digits, or below 0.001."""
    cell = number(value, ".3f")
    return Cell("< 0.001", cell.value) if cell.text == "0.000" else cell


def _place(label: str) -> tuple[Cell, ...]:
    protocol, task, pair = label.split("/")
    return text(protocol), text(labels.task(task)), text(pair)


PLACE = ("Protocol", "Task", "Pair")


def sharing(sources: Sources) -> Grid:
    """Table 1: what passes on each edge."""
    edges = list(dict.fromkeys((source, learner) for graph in sources.graphs.values() for source, learner, _ in graph))
    edges.sort(key=lambda edge: (edge[0] != "teacher", edge))
    columns = ("Variant", *(f"{labels.network(source)} → {labels.network(learner)}" for source, learner in edges))
    rows = []
    for name, graph in sources.graphs.items():
        passed = defaultdict(list)
        for source, learner, knowledge in graph:
            passed[source, learner].append(knowledge)
        rows.append((text(labels.run(name)), *(text(" + ".join(passed[edge]) or "–") for edge in edges)))
    return Grid(columns, tuple(rows))


LETTER = {"predictions": "p", "features": "f"}


def loss_terms(graph: Sequence[Sequence[str]], student: str) -> list[str]:
    """Knowledge terms in a student's loss, as the paper writes them: KD from the teacher, ML from a student; a prime for S2."""
    # An online teacher may learn from students, too.
    prime = "′" * (int(student[1:]) - 1) if is_student(student) else ""
    return [
        f"L{prime}({'KD' if source == 'teacher' else 'ML'}, {LETTER[knowledge]})"
        for source, learner, knowledge in graph
        if learner == student
    ]


def losses(sources: Sources) -> Grid:
    """Table 5: loss terms of each student."""
    learners = {learner for graph in sources.graphs.values() for _, learner, _ in graph}
    students = sorted(learners, key=labels.network_order)
    rows = tuple(
        (text(labels.run(name)), *(text(" + ".join(loss_terms(graph, student)) or "–") for student in students))
        for name, graph in sources.graphs.items()
    )
    notes = (
        "KD: from the teacher; ML: from the other student; p: predictions; f: features; a prime marks the second student.",
    )
    return Grid(("Variant", *map(labels.network, students)), rows, notes)


def architecture(sources: Sources) -> Grid:
    """Tables 6 and 7: layers of teacher and student."""
    (rows,) = sources.rows.values()
    columns = tuple(rows[0])
    shown = tuple(tuple(text(row[column]) for column in columns) for row in rows)
    notes = ("[...] × n: n such blocks in a row; dw: depthwise; shortcuts are left out.",)
    return Grid(tuple(column.capitalize() if column.islower() else column for column in columns), shown, notes)


def contrasts(sources: Sources) -> Grid:
    """Paired differences of the proposed variant to all others."""
    columns = (
        *PLACE,
        "Against",
        "Metric",
        "Network",
        "Difference [95 %]",
        "p",
        "p (Holm)",
        "By seed",
        "p over seeds",
        "Seeds ahead",
        "Test over cases",
        "its p by seed",
        "Remark",
    )
    rows = []
    for label, found in sources.rows.items():
        for row in (row for row in found if row["family"] in ("reference", "alone")):
            ahead = number(row["seeds_ahead"], ".2f")
            rows.append((
                *_place(label), text(labels.run(row["right"])), text(labels.METRICS[row["metric"]]),
                text(labels.network(row["network"])),
                with_interval(row["estimate"], row["low"], row["high"]), p_value(row["p"]), p_value(row["p_holm"]),
                text(row["by_seed"]), p_value(row["p_seeds"]), ahead, text(row["test"]), text(row["p_cases"]), text(row["remark"]),
            ))  # fmt: skip
    notes = () if rows else (f"{labels.run(PROPOSED)} was not run, so there is nothing to compare with.",)
    return Grid(columns, tuple(rows), notes)


def methods(sources: Sources) -> Grid:
    """Table 10: published methods with one student, and what the paper proposes."""
    columns = (*PLACE, "Method", "Metric", "Paper", "Ours [95 %]", "Proposed − method [95 %]", "p", "p (Holm)")
    columns += ("Student (M)", "Added in training (M)", "Loss weights", "Options", "Departs from the publication")
    values, found, methods, papers = (sources.under(name) for name in ("values", "contrasts", "methods", "comparison"))
    rows = []
    for label, described in methods.items():
        by_run = {row["run"]: row for row in described}
        against = {(row["right"], row["metric"]): row for row in found[label] if row["family"] == "methods"}
        theirs = {
            (row["run"], row["metric"]): row for row in papers[label] if row["table"] == str(numbers.METHODS_TABLE)
        }
        for name in (*by_run, PROPOSED):
            for row in _shown(values[label], name, label):
                given = theirs.get((name, row["metric"]))
                rows.append((
                    *_place(label), text(by_run[name]["title"] if name in by_run else f"{labels.run(name)} (proposed)"),
                    text(labels.METRICS[row["metric"]]),
                    of_seeds(given["paper_mean"], given["paper_std"]) if given else text("–"),
                    _ours(row),
                    *_against(against.get((name, row["metric"]))), *_added(by_run.get(name)),
                ))  # fmt: skip
    notes = (
        "Proposed: the ensemble of two students of KD + ML with V3; a method has one student. Added in training: adaptors and "
        "adversary, which the student does without. Interval and p: the wider of a bootstrap over seeds and groups of test cases "
        "and of Student's over seeds; Holm over the methods of a place and metric.",
    )
    return Grid(columns, tuple(rows), notes)


def _shown(rows: Sequence[Row], run: str, label: str) -> list[Row]:
    """Values of a method's student, or of the proposed ensemble, in the metrics that the paper shows."""
    network = "ensemble" if run == PROPOSED else "s1"
    metrics = numbers.METRICS.get(label.split("/")[1], (primary(rows),))
    found = {(row["run"], row["network"], row["truth"], row["metric"]): row for row in rows}
    keys = ((run, network, "label", metric) for metric in metrics)
    return [found[key] for key in keys if key in found]


def _ours(row: Row) -> Cell:
    """Mean ± SD over seeds, and the interval."""
    spread, interval = of_seeds(row["mean"], row["std"]), with_interval(row["mean"], row["low"], row["high"])
    brackets = interval.text.partition(" [")[2]
    shown = f"{spread.text} [{brackets}" if brackets else spread.text
    return Cell(shown, spread.value, (*spread.more, *interval.more))


def _against(row: Row | None) -> tuple[Cell, ...]:
    if row is None:
        return text("–"), text("–"), text("–")
    return with_interval(row["estimate"], row["low"], row["high"]), p_value(row["p"]), p_value(row["p_holm"])


def _added(row: Row | None) -> tuple[Cell, ...]:
    if row is None:
        return (text("–"),) * 5
    added = float(row["adaptor_parameters"]) + float(row["adversary_parameters"])
    stages = f"{row['stages']} stages" if row["stages"] != "1" else ""
    return (
        number(float(row["student_parameters"]) / 1e6, ".2f"),
        number(added / 1e6, ".2f"),
        text(row["weights"]),
        text(", ".join(filter(None, (row["options"], stages))) or "default"),
        text(row["departures"] or "–"),
    )


def grid_search(sources: Sources) -> Grid:
    """Best weights of every variant, and the rank of the paper's."""
    (rows,) = sources.rows.values()
    columns = (
        "Task",
        "Pair",
        "Variant",
        "α",
        "α′",
        "β",
        "β′",
        "γ",
        "γ′",
        "Validation score",
        "Paper's weights: score",
        "Rank",
        "Of",
    )
    shown = tuple(
        (
            text(labels.task(numbers.task_of(row))), text(row["pair"]), text(labels.run(f"{row['technique']}_{row['strategy']}")),
            *(number(row[name], ".3g") for name in numbers.WEIGHTS), number(row["score"]), number(row["papers_score"]),
            number(row["papers_rank"], ".0f"), number(row["of"], ".0f"),
        )
        for row in rows
    )  # fmt: skip
    return Grid(columns, shown)


MIXED = "runs of several versions of the training code"


def similarity(sources: Sources) -> Grid:
    """Mean CKA over the higher layers."""
    rows = [
        (
            *_place(label), text(labels.run(row["run"])), text(labels.network(f"{row['first']}-{row['second']}")),
            number(row["mean"], ".3f"), number(row["std"], ".3f"), number(row["seeds"], ".0f"),
            text("; ".join(filter(None, (row["remark"], MIXED if " " in row["code_hash"] else "")))),
        )
        for label, found in sources.rows.items()
        for row in sorted(found, key=lambda row: (labels.run_order(row["run"]), row["first"], row["second"]))
    ]  # fmt: skip
    return Grid((*PLACE, "Variant", "Networks", "Mean CKA", "SD", "Seeds", "Remark"), tuple(rows))


def compression(sources: Sources) -> Grid:
    """Costs beside scores."""
    columns = (*PLACE, "Network", "Parameters", "Saved", "MACs (G)", "Size (MB)", "Latency (ms)", "Run", "Score [95 %]")
    scores, rows, notes = sources.under("scores"), [], set()
    for label, found in sources.under("costs").items():
        for row in found:
            notes.add(
                f"Latency: median for one image of {row['size']} pixels, {labels.counted(row['threads'], 'thread')}, "
                f"{row['machine']}."
            )
            best = _scored(row["network"], [one for one in scores[label] if one["students"] == row["students"]])
            rows.append((
                *_place(label), text(_cost_name(row)), number(row["parameters"], ",.0f"), number(row["saved"], ".1f", " %"),
                number(float(row["macs"]) / 1e9, ".3f"), number(float(row["bytes"]) / 1e6, ".2f"), number(row["latency_ms"], ".1f"),
                text(labels.run(best["run"]) if best else "–"),
                with_interval(best["mean"], best["low"], best["high"]) if best else text("–"),
            ))  # fmt: skip
    return Grid(columns, tuple(rows), tuple(sorted(notes)))


def _cost_name(row: Row) -> str:
    return {"teacher": "Teacher", "student": "One student"}.get(
        row["network"], f"{row['students']} students (ensemble)"
    )


# cost row -> (run, network) whose score stands beside it, the first that was run; else the first of its kind.
SCORED = {
    "teacher": (("baseline_teacher", "baseline"), ("kd_ml_v3", "teacher"), ("kd_on_v3", "teacher")),
    "student": (("baseline_student", "baseline"), ("kd_ml_v3", "s1")),
    "ensemble": (("kd_ml_v3", "ensemble"),),
}


def _scored(network: str, rows: Sequence[Row]) -> Row | None:
    found = {(row["run"], row["network"]): row for row in rows if row["of"] == network}
    return next((found[key] for key in SCORED[network] if key in found), next(iter(found.values()), None))


def detection(sources: Sources) -> Grid:
    """Regions found, by size, and false ones."""
    sizes = ("found_small", "found_medium", "found_large")
    columns = (*PLACE, "Variant", "Network", *(labels.METRICS[size] for size in (*sizes, "false_regions")))
    rows = []
    for label, found in values_of(sources).items():
        cells = {(row["run"], row["network"], row["metric"]): row for row in found if row["truth"] == "label"}
        names = dict.fromkeys((run, network) for run, network, metric in cells if metric in sizes)
        for run, network in sorted(names, key=lambda key: (labels.run_order(key[0]), labels.network_order(key[1]))):
            shown = [_found(cells.get((run, network, size))) for size in sizes]
            wrong = cells.get((run, network, "false_regions"))
            last = number(wrong["mean"], ".1f") if wrong else text("–")
            rows.append((*_place(label), text(labels.run(run)), text(labels.network(network)), *shown, last))
    return Grid(columns, tuple(rows))


def _found(row: Row | None) -> Cell:
    if row is None:
        return text("–")
    cell = with_interval(row["mean"], row["low"], row["high"], ".1f")
    return Cell(f"{cell.text} of {row['of']}", cell.value, cell.more)


def comparison(sources: Sources) -> Grid:
    """All numbers of the paper."""
    (rows,) = sources.rows.values()
    columns = ("Table", "Protocol", "Task", "Run", "Network", "Metric", "Paper", "Ours", "Seeds", "Difference [95 %]")
    columns += ("Interval", "Departs from the paper", "Remark")
    shown = []
    for row in rows:
        ours = of_seeds(row["mean"], row["std"])
        theirs = of_seeds(row["paper_mean"], row["paper_std"])
        difference = with_interval(row["difference"], row["difference_low"], row["difference_high"])
        shown.append((
            number(row["table"], ".0f"), text(row["protocol"]), text(labels.task(row["task"])), text(labels.run(row["run"])),
            text(labels.network(row["network"])), text(labels.METRICS[row["metric"]]), theirs, ours, number(row["seeds"], ".0f"),
            difference, text(row["interval"]), text(row["departures"]), text(row["remark"]),
        ))  # fmt: skip
    return Grid(columns, tuple(shown))


GRIDS: Mapping[str, Callable[[Sources], Grid]] = {
    "table_01": sharing,
    "table_05": losses,
    "architecture": architecture,
    "contrasts": contrasts,
    "methods": methods,
    "grid_search": grid_search,
    "similarity": similarity,
    "compression": compression,
    "detection": detection,
    "comparison": comparison,
}
