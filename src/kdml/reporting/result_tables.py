"""Result tables in the paper's layout, ours beside the paper's: of variants, of networks trained alone, of fidelity."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kdml.analysis.fidelity import EXTRAS
from kdml.analysis.metrics import digits_scale_of
from kdml.common.errors import UserError
from kdml.paper import numbers
from kdml.reporting import labels
from kdml.reporting.cells import AS_PRINTED, digits_of, measured, papers
from kdml.reporting.data import Data
from kdml.reporting.places import (
    Key,
    PlaceResults,
    by_protocol,
    introduced,
    misprinted,
    read_places,
    role_of,
    title_of_network,
    trained_alone,
)
from kdml.reporting.table_model import NOTHING, Block, Cell, Column, Group, Line, Row, Section, Table
from kdml.runs.graph import BASELINE, ENSEMBLE, STRATEGIES, TEACHER, TECHNIQUES, TeacherMode

FIDELITY_NOTE = (
    "The predictions of the teacher of the same run and seed count as the truth. KL is in nats, of the teacher's distribution from "
    "the student's; agreement is split by whether the teacher is right."
)
NO_OTHER_TEACHER = (
    "No two teachers of different seeds were tested on the same images, so nothing says how far two teachers agree."
)
ONLINE_NOTE = (
    "{of}: an online teacher learns from the labels alone, so T is one and the same network under {strategies}."
)
FROZEN_NOTE = "{of}: T is one frozen network under {strategies}."
AS_PRINTED_NOTE = (
    f"{AS_PRINTED} As printed in the paper: an F-score below its IoU. Of the same pixels F = 2 IoU / (1 + IoU)."
)
OWN = "own"
WEIGHTS, PRIMES = ("alpha", "beta", "gamma"), ("", "_prime")
REFERENCE = "Two independently seeded teachers (n: ordered pairs)"

Papers = Mapping[Key, numbers.Value]


def results(data: Data) -> Table:
    """Variants of a task and pair: a section per protocol, in it a block per technique.

    Args:
        data: files `runs:PLACE` and `values:PLACE` of the sheet of variants; the option `name`.

    Raises:
        UserError: a file is missing or unfit, or versions of the training code are mixed.
    """
    places = read_places(data)
    sections = [
        _section(place, tuple(_variant_blocks(place, "label", place.papers("results"), place.metrics)))
        for place in places
    ]
    notes = [
        *_networks_notes(places), _extent(places, "label"), *_weights_notes(places), *_teacher_notes(places),
        *_undefined(places, "label"), *misprinted(places, "results"),
    ]  # fmt: skip
    return _table(sections, notes, data)


def fidelity(data: Data) -> Table:
    """Fidelity of variants to their teacher: what the paper shows, what it does not, and two teachers beside each other.

    Args:
        data: files `runs:PLACE`, `values:PLACE` of the sheet of fidelity and `teachers:PLACE`; the option `name`.

    Raises:
        UserError: a file is missing or unfit, or versions of the training code are mixed.
    """
    places = read_places(data)
    teachers = data.under("teachers")
    sections = [
        _section(
            place,
            (
                *_variant_blocks(place, TEACHER, place.papers("fidelity"), place.metrics),
                *_variant_blocks(place, TEACHER, {}, EXTRAS, beyond_paper=True),
                *_reference(place, teachers.get(place.label, ())),
            ),
        )
        for place in places
    ]
    alone = () if any(teachers.values()) else (NO_OTHER_TEACHER,)
    notes = [
        *_networks_notes(places), _extent(places, TEACHER), *_weights_notes(places), FIDELITY_NOTE, *alone,
        *_undefined(places, TEACHER), *misprinted(places, "fidelity"),
    ]  # fmt: skip
    return _table(sections, notes, data)


def baselines(data: Data) -> Table:
    """Networks trained alone by tasks: a section per protocol.

    Args:
        data: files `runs:PLACE` and `values:PLACE` of the sheet of networks trained alone; the option `name`.

    Raises:
        UserError: a file is missing or unfit, or versions of the training code are mixed.
    """
    places = read_places(data)
    sections = [
        Section((_baseline_block(here),), labels.protocol(protocol), protocol)
        for protocol, here in by_protocol(places).items()
    ]
    return _table(sections, [_extent(places, "label"), *_undefined(places, "label")], data)


def _table(sections: Sequence[Section], notes: Iterable[str], data: Data) -> Table:
    """The table with its notes, each once."""
    doubtful = any(cell.paper.endswith(AS_PRINTED) for cell in Table(tuple(sections)).cells())
    said = dict.fromkeys((*notes, *([AS_PRINTED_NOTE] if doubtful else ())))
    return Table(tuple(sections), tuple(said), data.options["name"])


def _section(place: PlaceResults, blocks: tuple[Block, ...]) -> Section:
    if not blocks:
        raise UserError(f"No run fills the table at {place.label}.", "add variants to `run` in the configuration")
    return Section(blocks, labels.protocol(place.protocol), place.protocol)


def _networks_notes(places: Sequence[PlaceResults]) -> Iterator[str]:
    """Names what T and S are."""
    for place in places:
        teacher, student = (introduced(place, role) for role in ("teacher", "student"))
        yield f"T: {teacher}. S1, S2, ...: {student}."


def _extent(places: Sequence[PlaceResults], truth: str) -> str:
    """How many images and runs stand behind the numbers, and what stands beside a mean."""
    rows = [
        (place, row)
        for place in places
        for row in place.values
        if row["truth"] == truth and row["metric"] in place.metrics
    ]
    seeds = sorted({int(row["seeds"]) for _, row in rows})
    titles = {place.title for place in places}
    counts = dict.fromkeys((place.title if titles - {place.title} else "", *_cases(row)) for place, row in rows)
    images = "; ".join(f"{f'{title}: ' if title else ''}{images}{groups}" for title, images, groups in counts)
    spread = "value [95 % interval over test images]"
    if seeds[-1] > 1:
        several = (
            labels.counted(seeds[-1], "seed") if len(set(seeds) - {1}) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
        )
        spread = f"{several}: mean ± SD" + (f"; one seed: {spread}" if seeds[0] == 1 else "")
    else:
        spread = f"One seed: {spread}"
    return f"Percent of the test set ({images}). {spread}."


def _cases(row: Row) -> tuple[str, str]:
    """Test images of a row, and the groups that an interval is drawn over where they are fewer."""
    groups = f" of {row['groups']} patients, lesions or slides" if row["groups"] != row["cases"] else ""
    return labels.counted(row["cases"], "image"), groups


def _weights_notes(places: Sequence[PlaceResults]) -> Iterator[str]:
    """Weights of the loss terms of each variant, those that share them together."""
    for place in places:
        variants: dict[str, list[str]] = {}
        for run in place.names("variants"):
            row = place.described_run(run)
            if row["technique"]:
                first, second = ("/".join(f"{float(row[f'{name}{prime}']):g}" for name in WEIGHTS) for prime in PRIMES)
                weights = first if first == second else f"{first}, of S2 {second}"
                variants.setdefault(f"{TECHNIQUES[row['technique']].title} {{}}: {weights}", []).append(row["strategy"])
        said = [of.format(_listed(STRATEGIES[key].title for key in keys)) for of, keys in variants.items()]
        if said:
            yield f"Loss weights α/β/γ of labels, KD and ML: {'; '.join(said)}."


def _undefined(places: Sequence[PlaceResults], truth: str) -> list[str]:
    """Names what has no value, and what has fewer seeds than others."""
    said = []
    for place in places:
        shown = (*place.metrics, *(EXTRAS if truth == TEACHER else ()))
        rows = [row for row in place.values if row["truth"] == truth and row["metric"] in shown]
        most = max((int(row["seeds"]) for row in rows), default=0)
        for row in rows:
            what = f"{labels.run(row['run'], place.titles)} {labels.network(row['network'])} {labels.metric(row['metric'])}"
            said += [f"{what}: {row['remark'] or 'undefined'}"] if _summary(row)[0] is None else []
            said += [f"{what}: {row['seeds']} of {most} seeds"] if int(row["seeds"]) < most else []
    return [f"{'; '.join(dict.fromkeys(said))}."] if said else []


# The T rows


def _same_teacher(place: PlaceResults, technique: str) -> list[str]:
    """Strategies of a technique whose teachers gave the same test outputs, where they are all that were run; else nothing."""
    outputs = {}
    for strategy in STRATEGIES:
        rows = [row for row in place.values if row["run"] == f"{technique}_{strategy}" and row["network"] == TEACHER]
        if rows:
            outputs[strategy] = rows[0]["outputs"]
    one = len(outputs) > 1 and len(set(outputs.values())) == 1 and all(outputs.values())
    return list(outputs) if one else []


def _teacher_notes(places: Sequence[PlaceResults]) -> Iterator[str]:
    """Why the T rows of a block are of one network."""
    for note, mode in ((ONLINE_NOTE, TeacherMode.ONLINE), (FROZEN_NOTE, TeacherMode.FROZEN)):
        for place in places:
            same = {name: _same_teacher(place, name) for name, how in TECHNIQUES.items() if how.teacher is mode}
            same = {name: strategies for name, strategies in same.items() if strategies}
            if same:
                shared = list(dict.fromkeys(strategy for strategies in same.values() for strategy in strategies))
                yield note.format(
                    of=" and ".join(TECHNIQUES[name].title for name in same),
                    strategies=_listed(STRATEGIES[strategy].title for strategy in shared),
                )


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


# Blocks


def _variant_blocks(
    place: PlaceResults, truth: str, theirs: Papers, metrics: tuple[str, ...], beyond_paper: bool = False
) -> Iterator[Block]:
    """One block per technique in the paper's order, then the user's own variants."""
    names = place.names("variants")
    found = place.by_key(truth)
    names = [run for run in names if any((run, network, metrics[0]) in found for _, network, _ in found)]
    # Neither more nor less of what the paper does not show is best.
    best = {} if beyond_paper else _best(found, names, metrics)
    suffix, more = ("_more", ", beyond the paper") if beyond_paper else ("", "")
    for technique, how in TECHNIQUES.items():
        mine = [run for run in names if place.described_run(run)["technique"] == technique]
        groups = tuple(_strategy_group(place, run, metrics) for run in mine)
        if groups:
            one = bool(_same_teacher(place, technique)) and truth == "label"
            yield _block(f"{technique}{suffix}", f"{how.title}{more}", groups, mine, found, theirs, best, one)
    if own := [run for run in names if not place.described_run(run)["technique"]]:
        columns = tuple(Column(labels.metric(metric), metric) for metric in metrics)
        groups = tuple(Group(columns, labels.run(run, place.titles), run) for run in own)
        yield _block(f"{OWN}{suffix}", f"Own variants{more}", groups, own, found, {}, best, False)


def _strategy_group(place: PlaceResults, run: str, metrics: tuple[str, ...]) -> Group:
    strategy = place.described_run(run)["strategy"]
    columns = tuple(Column(labels.metric(metric), metric) for metric in metrics)
    return Group(columns, STRATEGIES[strategy].title, strategy)


def _block(
    key: str,
    title: str,
    groups: tuple[Group, ...],
    runs: Sequence[str],
    found: Mapping[Key, Row],
    theirs: Papers,
    best: Mapping[str, float],
    one_teacher: bool,
) -> Block:
    """Networks by groups, one group per run."""
    of_block, doubtful = _best(found, runs, tuple(best)), numbers.impossible(theirs)

    def cell(run: str, network: str, metric: str) -> Cell:
        key = (run, network, metric)
        row = found.get(key)
        mean = _summary(row)[0] if row and network == ENSEMBLE and metric in best else None
        ranks = (mean is not None and mean == among[metric] for among in (of_block, best))
        return result_cell(row, theirs.get(key), *ranks, doubtful=key in doubtful)

    shown = {column.key for group in groups for column in group.columns}
    of_runs = {network for run, network, metric in found if run in runs and metric in shown}
    networks = sorted(of_runs, key=labels.network_order)
    lines = tuple(
        Line(
            tuple(
                cell(run, network, column.key)
                for group, run in zip(groups, runs, strict=True)
                for column in group.columns
            ),
            f"{labels.network(network)} (one network)"
            if network == TEACHER and one_teacher
            else labels.network(network),
            network,
        )
        for network in networks
    )
    return Block(groups, lines, title, key, headed=True)


def result_cell(
    row: Row | None,
    theirs: numbers.Value | None,
    best_of_block: bool = False,
    best: bool = False,
    doubtful: bool = False,
) -> Cell:
    """Ours with its interval or spread, the paper's beside it; empty if nothing ran.

    Args:
        row: of values.csv, or of a table with the same `metric`, `mean`, `std`, `seeds`, `cases`.
        theirs: the paper's mean and SD.
        best_of_block: whether it is the best of its block.
        best: whether it is the best of its table.
        doubtful: whether the paper's cannot be right.
    """
    paper = "" if theirs is None else papers(theirs, doubtful)
    if row is None:
        return Cell("", paper=paper)
    mean, std = _summary(row)
    shown = measured(row, digits_of(row["cases"], digits_scale_of(row["metric"])))
    stored: dict[str, Any] = {"mean": _stored(mean), "std": _stored(std)}
    stored |= {name: _stored(dict(shown.more).get(name)) for name in ("low", "high")}
    stored |= {"n": row["seeds"]}
    stored |= (
        {"paper_mean": "", "paper_std": ""} if theirs is None else {"paper_mean": theirs[0], "paper_std": theirs[1]}
    )
    words = "undefined" if shown.text == NOTHING else shown.text
    return Cell(words, "" if mean is None else mean, tuple(stored.items()), paper, best_of_block, best)


def _summary(row: Row) -> tuple[float | None, float | None]:
    """Mean and SD of a row; None for what is undefined."""
    values = (float(row[name] or "nan") for name in ("mean", "std"))
    mean, std = (None if math.isnan(value) else value for value in values)
    return mean, std


def _stored(value: float | str | None) -> str:
    return "" if value is None else f"{float(value):.4f}"


def _best(found: Mapping[Key, Row], runs: Sequence[str], metrics: tuple[str, ...]) -> dict[str, float]:
    """The largest mean of any ensemble, per metric."""
    means = {
        metric: [_summary(found[key])[0] for run in runs if (key := (run, ENSEMBLE, metric)) in found]
        for metric in metrics
    }
    return {metric: max((mean for mean in of if mean is not None), default=math.inf) for metric, of in means.items()}


def _reference(place: PlaceResults, rows: Sequence[Row]) -> Iterator[Block]:
    """How far two teachers of different seeds agree."""
    if rows:
        found = {row["metric"]: {**row, "cases": place.values[0]["cases"]} for row in rows}
        metrics = (*place.metrics, EXTRAS[0])  # of two teachers there is no truth to be right about
        columns = tuple(Column(labels.metric(metric), metric) for metric in metrics)
        line = Line(tuple(result_cell(found.get(metric), None) for metric in metrics), "T and T′", TEACHER)
        yield Block((Group(columns, REFERENCE, "reference"),), (line,), "Reference", "reference", headed=True)


def _baseline_block(places: Sequence[PlaceResults]) -> Block:
    """Networks in rows, tasks in columns."""
    tasks = {place.task: place for place in places}
    groups = tuple(
        Group(tuple(Column(labels.metric(metric), metric) for metric in place.metrics), place.title, task)
        for task, place in tasks.items()
    )
    alone = {(task, network): where for (_, task, network), where in trained_alone(places).items()}
    order = list(labels.ARCHITECTURES)
    networks = {network: where for (_, network), where in reversed(alone.items())}

    def rank(network: str) -> tuple[int, str]:
        place, run = networks[network]
        like = place.described(role_of(run), "stands_for")
        return (order.index(like) if like in order else len(order)), network

    def cell(task: str, network: str, metric: str) -> Cell:
        if (task, network) not in alone:
            return Cell("")
        place, run = alone[task, network]
        key = (run, BASELINE, metric)
        theirs = place.papers("baselines")
        return result_cell(place.by_key().get(key), theirs.get(key), doubtful=key in numbers.impossible(theirs))

    lines = tuple(
        Line(
            tuple(cell(group.key, network, column.key) for group in groups for column in group.columns),
            title_of_network(networks[network][0], role_of(networks[network][1])),
            network,
        )
        for network in sorted(networks, key=rank)
    )
    return Block(groups, lines, "Trained alone", "baselines", headed=True)
