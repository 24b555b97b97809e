"""The paper's result tables in its layout, ours beside the paper's. Rendering only: it reads tables of means over seeds."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kdml.analysis.fidelity import EXTRAS, IN_NATS
from kdml.analysis.over_seeds import Summary
from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN, read_csv
from kdml.paper import numbers
from kdml.reporting import labels
from kdml.runs.graph import STRATEGIES, TEACHER, TECHNIQUES
from kdml.runs.records import refuse_mixed_code

FORMATS = ("csv", "md", "tex", "html")
FIDELITY_NOTE = (
    "The truth is what the teacher of the same run and seed predicts. KL is in nats, teacher first; agreement is split by "
    "whether the teacher is right."
)
NO_OTHER_TEACHER = (
    "No two teachers of different seeds were tested on the same images: nothing to compare fidelity with."
)
Row = Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Args:
        ours: mean and spread over our seeds; None if nothing ran.
        theirs: the paper's mean and SD; None if it has none.
        best_of_block: the best ensemble of its technique.
        best: the best ensemble of the table.
    """

    ours: Summary | None
    theirs: numbers.Value | None = None
    best_of_block: bool = False
    best: bool = False

    @property
    def ours_text(self) -> str:
        """As `96.68 ± 0.584`; the spread of a single seed is a dash."""
        if self.ours is None:
            return ""
        if math.isnan(self.ours.mean):
            return "undefined"
        return labels.mean_and_spread(self.ours.mean, self.ours.std)

    @property
    def theirs_text(self) -> str:
        """The paper's value, or nothing."""
        return "" if self.theirs is None else labels.mean_and_spread(*self.theirs)


@dataclass(frozen=True)
class Group:
    """Columns under one heading: a strategy, or a task; `weights` are the lines on alpha, beta and gamma."""

    key: str
    title: str
    metrics: tuple[str, ...]
    weights: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """Rows that share their column headings: a technique, or all baselines."""

    key: str
    title: str
    groups: tuple[Group, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]  # network, title, cells


@dataclass(frozen=True)
class Section:
    """The blocks of one protocol and pair."""

    protocol: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Table:
    """A result table.

    Args:
        number: in the paper.
        caption: what it shows.
        notes: what a reader must know.
        sections: one per protocol and pair.
    """

    number: int
    caption: str
    notes: tuple[str, ...] = field(default=())
    sections: tuple[Section, ...] = ()


COLUMNS = {"protocol", "task", "pair", "run", "truth", "network", "metric", "mean", "std", "seeds", "code_hash"}


def read_summaries(paths: Iterable[Path], allow_mixed_code: bool = False) -> list[dict[str, str]]:
    """Rows of several tables of means over seeds.

    Args:
        paths: of the tables.
        allow_mixed_code: accept runs of different versions of the training code.

    Raises:
        UserError: a file is missing or is no such table, or versions of the training code are mixed.
    """
    rows: list[dict[str, str]] = []
    for path in paths:
        rows += read_csv(path, MAKE_AGAIN, sorted(COLUMNS))
    if not allow_mixed_code:
        run_keys = ("protocol", "task", "pair", "run")
        refuse_mixed_code({"/".join(row[key] for key in run_keys): row["code_hash"] for row in rows})
    return rows


Teachers = Mapping[str, Sequence[Row]]
"""protocol/task/pair -> agreement of independently seeded teachers there, a row per metric."""


def build(number: int, rows: Sequence[Row], note: str = "", teachers: Teachers | None = None) -> Table:
    """A result table from means over seeds.

    Args:
        number: of the table in the paper.
        rows: of tables of means; those of other tables are left aside.
        note: on the experiment, put under the caption.
        teachers: for a table of fidelity.

    Raises:
        UserError: the paper has no such table, or no row belongs to it.
    """
    known = sorted({*numbers.TABLES.values(), *numbers.BASELINE_TABLES.values(), *numbers.FIDELITY_TABLES.values()})
    if number not in known:
        raise UserError(f"Table {number} is not a table of results.", f"ask for one of {', '.join(map(str, known))}")
    of_fidelity = {table: numbers.TABLES[place] for place, table in numbers.FIDELITY_TABLES.items()}
    truth, source = (TEACHER, of_fidelity[number]) if number in of_fidelity else ("label", number)
    mine = [row for row in rows if row["table"] == str(source) and row["truth"] == truth]
    if not mine:
        raise UserError(f"No run fills table {number}.", "add its task and pair to `run` in the configuration")
    notes = [_extent(mine), *_undefined(mine), note]
    if truth == TEACHER:
        blocks_of, caption = partial(_fidelity_blocks, teachers=teachers or {}), _fidelity_caption
        notes[1:1] = [FIDELITY_NOTE, "" if teachers and any(teachers.values()) else NO_OTHER_TEACHER]
    elif mine[0]["run"] == "baseline":
        blocks_of, caption = _baseline_blocks, _baseline_caption
    else:
        blocks_of, caption = _variant_blocks, _caption
    sections = tuple(
        Section(protocol, title, tuple(blocks_of(number, chosen))) for protocol, title, chosen in _sections(mine)
    )
    return Table(number, caption(mine), tuple(filter(None, notes)), sections)


def _sections(rows: Sequence[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    """(protocol, title, rows) of one split and one pair each, so that no two networks are taken for two seeds of one."""
    for protocol in labels.PROTOCOLS:
        here = [row for row in rows if row["protocol"] == protocol]
        if here and here[0]["run"] == "baseline":
            yield protocol, labels.PROTOCOLS[protocol], here
            continue
        pairs = list(dict.fromkeys(row["pair"] for row in here))
        for pair in pairs:
            of_pair = f"; pair '{pair}'" if len(pairs) > 1 else ""
            yield protocol, f"{labels.PROTOCOLS[protocol]}{of_pair}", [row for row in here if row["pair"] == pair]


def _fidelity_caption(rows: Sequence[Row]) -> str:
    return _caption(rows).replace("Four techniques", "Fidelity to the teacher of the same run: techniques", 1)


def _caption(rows: Sequence[Row]) -> str:
    pairs = {row["pair"]: row for row in rows}
    of_pairs = "; ".join(map(_pair, pairs.values()))
    return f"Four techniques and three strategies of sharing knowledge, {labels.TASKS[rows[0]['task']]}, {of_pairs}"


def _pair(row: Row) -> str:
    teacher, student = (labels.ARCHITECTURES.get(part, part) for part in row["stands_for"].split("-", 1))
    if row["pair"] == row["stands_for"]:
        return f"{teacher}-{student}"
    return f"the pair '{row['pair']}' ({row['teacher']}, {row['student']}), which stands for {teacher}-{student}"


def _baseline_caption(rows: Sequence[Row]) -> str:
    tasks = list(dict.fromkeys(labels.TASKS[row["task"]] for row in rows))
    return f"Baselines trained alone, {' and '.join(tasks)}"


def _extent(rows: Sequence[Row]) -> str:
    numbers = sorted({int(row["seeds"]) for row in rows})
    several = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
    runs = "1 run (no spread)" if numbers == [1] else f"{several} runs, mean ± standard deviation (ddof 1)"
    counts = ", ".join(sorted({f"{row['task']} {row['n']}" for row in rows}))
    return f"Percent on the test images ({counts}); {runs}."


def _undefined(rows: Sequence[Row]) -> list[str]:
    """Names what has no value, and what has fewer seeds than others."""
    most = max(int(row["seeds"]) for row in rows)
    said = []
    for row in rows:
        what = f"{labels.run(row['run'])} {labels.network(row['network'])} {labels.METRICS.get(row['metric'], row['metric'])}"
        said += [f"{what}: {row['remark']}"] if row.get("remark") else []
        said += [f"{what}: {row['seeds']} of {most} seeds"] if int(row["seeds"]) < most else []
    return [f"{'; '.join(said)}."] if said else []


def _variant_blocks(number: int, rows: Sequence[Row]) -> Iterator[Block]:
    """One block per technique in the paper's order, then the user's own variants."""
    theirs = numbers.variants(number)
    metrics = numbers.METRICS[rows[0]["task"]]
    best = _best(rows, metrics)
    for technique, how in TECHNIQUES.items():
        mine = [row for row in rows if row["technique"] == technique]
        groups = tuple(_strategy_group(s, mine, metrics) for s in STRATEGIES if any(r["strategy"] == s for r in mine))
        if groups:
            values = {key[1:]: value for key, value in theirs.items() if key[0] == technique}
            yield _block(technique, how.title, groups, mine, "strategy", values, best)
    own = [row for row in rows if not row["technique"]]
    if own:
        names = list(dict.fromkeys(row["run"] for row in own))
        yield _block("own", "Own variants", tuple(Group(name, name, metrics) for name in names), own, "run", {}, best)


def _fidelity_blocks(number: int, rows: Sequence[Row], teachers: Teachers) -> Iterator[Block]:
    """The paper's agreement, then what it does not show, then two teachers beside each other."""
    yield from _variant_blocks(number, rows)
    best = dict.fromkeys(EXTRAS, math.inf)  # neither more nor less of these is best
    for technique, how in TECHNIQUES.items():
        mine = [row for row in rows if row["technique"] == technique]
        if mine:
            found = [strategy for strategy in STRATEGIES if any(row["strategy"] == strategy for row in mine)]
            groups = tuple(Group(strategy, STRATEGIES[strategy].title, EXTRAS) for strategy in found)
            yield _block(
                f"{technique}_more", f"{how.title}, beyond the paper", groups, mine, "strategy", {}, best, best
            )
    first = rows[0]
    if here := teachers.get(f"{first['protocol']}/{first['task']}/{first['pair']}"):
        metrics = (*numbers.METRICS[first["task"]], IN_NATS)
        cells = tuple(Cell(_summary(here, metric=metric)) for metric in metrics)
        group = Group("reference", "Two independently seeded teachers (n: ordered pairs)", metrics)
        yield Block("reference", "Reference", (group,), (("teacher", "T and T′", cells),))


def _strategy_group(strategy: str, rows: Sequence[Row], metrics: tuple[str, ...]) -> Group:
    first = next(row for row in rows if row["strategy"] == strategy)
    lines = tuple(
        f"{greek}={first[name]}, {greek}′={first[name + '_prime']}"
        for greek, name in zip("αβγ", ("alpha", "beta", "gamma"), strict=True)
    )
    return Group(strategy, STRATEGIES[strategy].title, metrics, lines)


def _block(
    key: str,
    title: str,
    groups: tuple[Group, ...],
    rows: Sequence[Row],
    column: str,
    theirs: Mapping[tuple[str, str, str], numbers.Value],
    best: Mapping[str, float],
    best_of_block: Mapping[str, float] | None = None,
) -> Block:
    """Networks by groups; `column` names the key that tells a group's rows, `theirs` the paper's (group, network, metric)."""
    best_of_block = best_of_block or _best(rows, groups[0].metrics)

    def cell(group: Group, network: str, metric: str) -> Cell:
        ours = _summary(rows, **{column: group.key}, network=network, metric=metric)
        compared = network == "ensemble" and ours is not None
        return Cell(
            ours,
            theirs.get((group.key, network, metric)),
            best_of_block=compared and ours.mean == best_of_block[metric],
            best=compared and ours.mean == best[metric],
        )

    networks = sorted({row["network"] for row in rows}, key=labels.network_order)
    lines = tuple(
        (
            network,
            labels.network(network),
            tuple(cell(g, network, m) for g in groups for m in g.metrics),
        )
        for network in networks
    )
    return Block(key, title, groups, lines)


def _summary(rows: Sequence[Row], **keys: str) -> Summary | None:
    """The row with these keys."""
    found = [row for row in rows if all(row[name] == value for name, value in keys.items())]
    if not found:
        return None
    (row,) = found
    return Summary(float(row["mean"]), float(row["std"] or "nan"), int(row["seeds"]))


def _best(rows: Sequence[Row], metrics: tuple[str, ...]) -> dict[str, float]:
    """The largest mean of any ensemble, per metric."""
    runs = {row["run"] for row in rows}
    best = {}
    for metric in metrics:
        found = [
            s.mean for run in runs if (s := _summary(rows, run=run, network="ensemble", metric=metric)) is not None
        ]
        best[metric] = max((mean for mean in found if not math.isnan(mean)), default=math.inf)
    return best


def _baseline_blocks(number: int, rows: Sequence[Row]) -> Iterator[Block]:
    """Architectures by tasks."""
    theirs = numbers.baselines(number)
    groups = tuple(
        Group(task, labels.TASKS[task][0].upper() + labels.TASKS[task][1:], numbers.METRICS[task])
        for task, own in numbers.BASELINE_TABLES.items()
        if own == number and any(row["task"] == task for row in rows)
    )
    order = list(labels.ARCHITECTURES)
    pairs = sorted(
        {(row["stands_for"], row["pair"]) for row in rows}, key=lambda p: (order.index(p[0]) if p[0] in order else 9, p)
    )
    lines = tuple(
        (
            pair,
            labels.ARCHITECTURES.get(pair, f"{pair} (for {labels.ARCHITECTURES.get(stands_for, stands_for)})"),
            tuple(
                Cell(_summary(rows, task=g.key, pair=pair, metric=m), theirs.get((g.key, stands_for, m)))
                for g in groups
                for m in g.metrics
            ),
        )
        for stands_for, pair in pairs
    )
    yield Block("baselines", "Baselines", groups, lines)


def as_rows(table: Table) -> Iterator[dict[str, Any]]:
    """The table as tidy rows: what its CSV holds."""
    for section in table.sections:
        for block in section.blocks:
            columns = [(group, metric) for group in block.groups for metric in group.metrics]
            for network, _, cells in block.rows:
                for (group, metric), cell in zip(columns, cells, strict=True):
                    if cell.ours is not None:
                        yield {
                            "table": table.number,
                            "protocol": section.protocol,
                            "block": block.key,
                            "column": group.key,
                            "network": network,
                            "metric": metric,
                            "mean": _number(cell.ours.mean),
                            "std": _number(cell.ours.std),
                            "n": cell.ours.n,
                            "paper_mean": "" if cell.theirs is None else cell.theirs[0],
                            "paper_std": "" if cell.theirs is None else cell.theirs[1],
                        }


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"
