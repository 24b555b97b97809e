"""The paper's result tables in its layout, ours beside the paper's. Rendering only: numbers come from tidy tables."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kdml import paper, wording
from kdml.collect import Summary, refuse_mixed_code, summarise
from kdml.errors import UserError
from kdml.fidelity import EXTRAS, IN_NATS
from kdml.sharing import STRATEGIES, TEACHER, TECHNIQUES

FORMATS = ("csv", "md", "tex", "html")
FIDELITY_NOTE = (
    "The truth is what the teacher of the same run and seed predicts. KL is in nats, teacher first; agreement is split by "
    "whether the teacher is right."
)
NO_OTHER_TEACHER = "One seed: no second teacher to compare with."
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
    theirs: paper.Value | None = None
    best_of_block: bool = False
    best: bool = False

    @property
    def ours_text(self) -> str:
        """As `96.68 ± 0.584`; the spread of a single seed is a dash."""
        if self.ours is None:
            return ""
        if math.isnan(self.ours.mean):
            return "undefined"
        spread = "–" if math.isnan(self.ours.std) else f"{self.ours.std:.3f}"
        return f"{self.ours.mean:.2f} ± {spread}"

    @property
    def theirs_text(self) -> str:
        """The paper's value, or nothing."""
        return "" if self.theirs is None else f"{self.theirs[0]:.2f} ± {self.theirs[1]:.3f}"


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
    """The blocks of one protocol."""

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
        sections: one per protocol.
    """

    number: int
    caption: str
    notes: tuple[str, ...] = field(default=())
    sections: tuple[Section, ...] = ()


def read_tidy(paths: Iterable[Path], allow_mixed_code: bool = False) -> list[dict[str, str]]:
    """Rows of several tidy tables.

    Args:
        paths: of the tables.
        allow_mixed_code: accept runs of different versions of the training code.

    Raises:
        UserError: a file is missing or is no tidy table, or versions of the training code are mixed.
    """
    rows: list[dict[str, str]] = []
    for path in paths:
        try:
            with open(path, newline="", encoding="utf-8") as file:
                mine = list(csv.DictReader(file))
        except FileNotFoundError:
            raise UserError(f"{path} does not exist.", "let the workflow collect the runs") from None
        if (
            not mine
            or not {"protocol", "task", "pair", "run", "seed", "truth", "network", "metric", "value", "code_hash"}
            <= mine[0].keys()
        ):
            raise UserError(
                f"{path} is no tidy table of metrics.", "delete it and let the workflow collect the runs again"
            )
        rows += mine
    if not allow_mixed_code:
        run_keys = ("protocol", "task", "pair", "run", "seed")
        refuse_mixed_code({"/".join(row[key] for key in run_keys): row["code_hash"] for row in rows})
    return rows


def build(number: int, rows: Sequence[Row], note: str = "", teachers: Sequence[Row] = ()) -> Table:
    """A result table from tidy rows.

    Args:
        number: of the table in the paper.
        rows: of tidy tables; those of other tables are left aside.
        note: on the experiment, put under the caption.
        teachers: agreement of independently seeded teachers, for a table of fidelity.

    Raises:
        UserError: the paper has no such table, or no row belongs to it.
    """
    known = sorted({*paper.TABLES.values(), *paper.BASELINE_TABLES.values(), *paper.FIDELITY_TABLES.values()})
    if number not in known:
        raise UserError(f"Table {number} is not a table of results.", f"ask for one of {', '.join(map(str, known))}")
    of_fidelity = {table: paper.TABLES[place] for place, table in paper.FIDELITY_TABLES.items()}
    truth, source = (TEACHER, of_fidelity[number]) if number in of_fidelity else ("label", number)
    mine = [row for row in rows if row["table"] == str(source) and row["truth"] == truth]
    if not mine:
        raise UserError(f"No run fills table {number}.", "add its task and pair to `run` in the configuration")
    if truth == TEACHER:
        blocks_of, caption = partial(_fidelity_blocks, teachers=teachers), _fidelity_caption
        note = " ".join([FIDELITY_NOTE, "" if teachers else NO_OTHER_TEACHER, note]).strip()
    elif mine[0]["run"] == "baseline":
        blocks_of, caption = _baseline_blocks, _baseline_caption
    else:
        blocks_of, caption = _variant_blocks, _caption
    sections = tuple(
        Section(protocol, wording.PROTOCOLS[protocol], tuple(blocks_of(number, chosen)))
        for protocol in wording.PROTOCOLS
        if (chosen := [row for row in mine if row["protocol"] == protocol])
    )
    return Table(number, caption(mine), tuple(filter(None, (_extent(mine), note))), sections)


def _fidelity_caption(rows: Sequence[Row]) -> str:
    return _caption(rows).replace("Four techniques", "Fidelity to the teacher of the same run: techniques", 1)


def _caption(rows: Sequence[Row]) -> str:
    teacher, student = (wording.ARCHITECTURES.get(part, part) for part in rows[0]["stands_for"].split("-", 1))
    pair = f"{teacher}-{student}"
    if rows[0]["pair"] != rows[0]["stands_for"]:
        pair = f"the pair '{rows[0]['pair']}' ({rows[0]['teacher']}, {rows[0]['student']}), which stands for {pair}"
    return f"Four techniques and three strategies of sharing knowledge, {wording.TASKS[rows[0]['task']]}, {pair}"


def _baseline_caption(rows: Sequence[Row]) -> str:
    tasks = list(dict.fromkeys(wording.TASKS[row["task"]] for row in rows))
    return f"Baselines trained alone, {' and '.join(tasks)}"


def _extent(rows: Sequence[Row]) -> str:
    seeds = sorted({row["seed"] for row in rows}, key=int)
    runs = "1 run (no spread)" if len(seeds) == 1 else f"{len(seeds)} runs, mean ± standard deviation (ddof 1)"
    counts = ", ".join(sorted({f"{row['task']} {row['n']}" for row in rows}))
    return f"Percent on the test images ({counts}); {runs}."


def _variant_blocks(number: int, rows: Sequence[Row]) -> Iterator[Block]:
    """One block per technique in the paper's order, then the user's own variants."""
    theirs = paper.variants(number)
    metrics = paper.METRICS[rows[0]["task"]]
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


def _fidelity_blocks(number: int, rows: Sequence[Row], teachers: Sequence[Row]) -> Iterator[Block]:
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
    if teachers:
        metrics = (*paper.METRICS[rows[0]["task"]], IN_NATS)
        cells = tuple(
            Cell(summarise([float(row["value"]) for row in teachers if row["metric"] == metric])) for metric in metrics
        )
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
    theirs: Mapping[tuple[str, str, str], paper.Value],
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

    networks = sorted({row["network"] for row in rows}, key=wording.network_order)
    lines = tuple(
        (
            network,
            wording.network(network),
            tuple(cell(g, network, m) for g in groups for m in g.metrics),
        )
        for network in networks
    )
    return Block(key, title, groups, lines)


def _summary(rows: Sequence[Row], **keys: str) -> Summary | None:
    """Over the seeds, of the rows with these keys."""
    values = [float(row["value"]) for row in rows if all(row[name] == value for name, value in keys.items())]
    return summarise(values) if values else None


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
    theirs = paper.baselines(number)
    groups = tuple(
        Group(task, wording.TASKS[task][0].upper() + wording.TASKS[task][1:], paper.METRICS[task])
        for task, own in paper.BASELINE_TABLES.items()
        if own == number and any(row["task"] == task for row in rows)
    )
    order = list(wording.ARCHITECTURES)
    pairs = sorted(
        {(row["stands_for"], row["pair"]) for row in rows}, key=lambda p: (order.index(p[0]) if p[0] in order else 9, p)
    )
    lines = tuple(
        (
            pair,
            wording.ARCHITECTURES.get(pair, f"{pair} (for {wording.ARCHITECTURES.get(stands_for, stands_for)})"),
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
                            "difference": "" if cell.theirs is None else _number(cell.ours.mean - cell.theirs[0]),
                        }


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"
