"""Standings and forecast of an experiment as tables for a terminal."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kdml.common.errors import UserError
from kdml.experiment.forecast import ALONE, Cost, Forecast
from kdml.experiment.states import Standing, State
from kdml.runs.progress import duration
from kdml.runs.records import refuse_mixed_code

COLOURS = {
    State.DONE: "green",
    State.RUNNING: "cyan",
    State.WAITING: "",
    State.INTERRUPTED: "yellow",
    State.FAILED: "bold red",
    State.STALE: "magenta",
}
EXPLAINED = {
    State.STALE: "Finished, but not as planned now: these will be trained again",
    State.INTERRUPTED: "Interrupted: the next start of the workflow goes on with them",
    State.FAILED: "Failed",
    State.RUNNING: "Running",
}
QUIET = 180.0  # seconds without a sign of a running training that are worth a word


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=number > 0, overflow="fold")
    return table


def counts(standings: Iterable[Standing]) -> dict[State, int]:
    """How many trainings are in which state, in the order of `State`; those that none is in are 0."""
    found = Counter(one.state for one in standings)
    return {state: found[state] for state in State}


def overview(name: str, standings: Sequence[Standing]) -> Text:
    """One line: how many trainings there are, and how many in each state.

    Args:
        name: of the experiment.
        standings: of its trainings.
    """
    line = Text(f"{name}: {len(standings)} trainings", style="bold")
    for state, count in counts(standings).items():
        if count:
            line.append(f"   {count} {state}", style=COLOURS[state])
    return line


def by_place(standings: Sequence[Standing]) -> Table:
    """A row per place with the count of each state; networks alone have the place of their network."""
    groups: dict[str, list[Standing]] = defaultdict(list)
    for one in standings:
        groups[f"grid search {one.training.place}" if one.training.trial else one.training.place].append(one)
    shown = [state for state, count in counts(standings).items() if count]
    table = _table("", "place", *map(str, shown), "of")
    for place, mine in sorted(groups.items()):
        found = counts(mine)
        cells = (Text(str(found[state]) if found[state] else "·", style=COLOURS[state]) for state in shown)
        table.add_row(Text(place), *cells, str(len(mine)))
    return table


def details(
    standings: Iterable[Standing], states: Sequence[State], at_most: int | None = None
) -> Iterator[RenderableType]:
    """Lines on the trainings in these states, a heading for each.

    Args:
        standings: of all trainings.
        states: that are listed, in this order.
        at_most: so many of each state but of those that run; None for all.
    """
    groups: dict[State, list[Standing]] = defaultdict(list)
    for one in standings:
        groups[one.state].append(one)
    for state in states:
        if groups[state]:
            yield Text(f"\n{EXPLAINED.get(state, str(state).capitalize())}", style=COLOURS[state] or "bold")
            shown = groups[state] if state is State.RUNNING else groups[state][:at_most]
            yield from (Text(f"  {line}") for one in shown for line in _lines(one))
            if hidden := len(groups[state]) - len(shown):
                yield Text(f"  ... and {hidden} more: `--all` lists them")


def _lines(one: Standing) -> Iterator[str]:
    yield "   ".join(filter(None, (one.training.name, *_how_far(one), *_who(one))))
    if one.reason:
        yield f"    {one.reason}"
    if one.remedy:
        yield f"    What to do: {one.remedy}"
    if one.state is State.FAILED:
        yield f"    {one.training.log}"


def _how_far(one: Standing) -> Iterator[str]:
    if one.state is State.DONE:
        row = one.as_row()
        yield f"{row['epoch']} epochs   {_scores(row['scores'])}   {duration(row['seconds'])}"
    elif one.position is not None:
        position = one.position
        if position.epochs:
            yield f"epoch {position.epoch}/{position.epochs}"
        elif position.steps:
            yield f"step {position.step}/{position.steps}"
        yield _scores(position.scores)
        if one.state is State.RUNNING and position.seconds_left is not None:
            yield f"at most {duration(max(0.0, position.seconds_left - (one.silent_for or 0)))} left"
    elif one.state is State.RUNNING:
        yield "in its first epoch"


def _scores(scores: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {100 * score:.2f} %" for name, score in scores.items())


def _who(one: Standing) -> Iterator[str]:
    if one.state is State.RUNNING and one.holder is not None:
        yield f"process {one.holder.process} on {one.holder.host}, since {one.holder.since}"
        if one.silent_for is not None and one.silent_for > QUIET:
            yield f"(no sign for {duration(one.silent_for)})"


def failures(others: Iterable[tuple[str, UserError]]) -> Iterator[RenderableType]:
    """Lines on failed steps that are no trainings."""
    for number, (log, error) in enumerate(others):
        if number == 0:
            yield Text("\nOther steps that failed", style=COLOURS[State.FAILED])
        yield Text(f"  {log}\n    {error.problem}\n    What to do: {error.remedy}")


def mixture(standings: Iterable[Standing]) -> Iterator[RenderableType]:
    """Lines on finished trainings that will not meet in a table, because the training code was edited between them."""
    finished = {one.training.name: str(one.record.get("code_hash")) for one in standings if one.state is State.DONE}
    try:
        refuse_mixed_code(finished)
    except UserError as error:
        yield Text(f"\n{error}", style=COLOURS[State.FAILED])


# Forecast


def forecast(found: Forecast, free: int) -> Group:
    """What is left, what it is known from, disk, and savings.

    Args:
        found: the forecast.
        free: bytes that are left on the disk.
    """
    parts: list[RenderableType] = [Text(f"\n{line}", style="bold") for line in (*_spent(found), _sum(found))]
    if found.costs:
        parts += [*map(Text, _known_from(found)), _costs(found.costs), _disk(found, free), *_savings(found)]
    return Group(*parts)


def _spent(found: Forecast) -> Iterator[str]:
    if found.finished:
        seconds = sum(one.record["seconds"] for one in found.finished)
        yield f"Trained so far: {len(found.finished)} trainings in {_hours(seconds)}"


def _hours(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 3600:
        return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 3600:,.0f} h"


def _sum(found: Forecast) -> str:
    left = f"Left to train: {len(found.costs)} trainings"
    if len(found.unknown) == len(found.costs):
        return f"{left}, time not known yet" if found.costs else f"{left}"
    share = found.share_of_epochs
    stop = f", some {_hours(share * found.seconds)} if they stop as early as the finished ones" if share else ""
    beside = f", and {len(found.unknown)} of unknown time" if found.unknown else ""
    where = f" of {', '.join(found.devices)}" if found.devices else ""
    return f"{left}, at most {_hours(found.seconds)}{where}{stop}{beside}"


def _known_from(found: Forecast) -> Iterator[str]:
    """What was measured, and what is assumed."""
    bases = Counter(cost.basis for cost in found.costs)
    words = {
        "itself": "running: from what they say of themselves",
        "finished": "measured on finished trainings with networks and batches like theirs",
        "calibration": "measured by a calibration: steps of the real networks on random images",
        "": "not measured: run `uv run python src/status.py --calibrate` on the machine that trains",
    }
    yield from (f"  {bases[basis]:>5} {words[basis]}" for basis in words if bases[basis])
    problems = {one.problem for one in found.step_times.values() if one.problem}
    yield from (f"  a calibration failed: {problem}" for problem in sorted(problems))
    assumed = [f"{task} {one.total:,}" for task, one in found.pictures.items() if not one.counted]
    if assumed:
        yield f"  images assumed, because their data are not prepared: {', '.join(assumed)}"
    yield "  assumed: every epoch is trained (at most), one training at a time on the device"
    yield "  not counted: preparation, the start of each training, evaluation"


def _costs(costs: Sequence[Cost]) -> Table:
    groups: dict[tuple[str, str], list[Cost]] = defaultdict(list)
    for cost in costs:
        run = cost.standing.training.run
        where = run.task if cost.kind == ALONE else f"{run.task}/{run.pair}"
        groups[where, cost.kind].append(cost)
    table = _table("", "what", "trainings", "steps", "epochs", "each epoch", "at most")
    for (where, kind), mine in sorted(groups.items()):
        seconds = [one.seconds for one in mine]
        total = None if None in seconds else sum(filter(None, seconds))
        epochs = [one.epoch_seconds for one in mine if one.epoch_seconds is not None]
        epoch = _hours(sum(epochs) / len(epochs) if epochs else None)
        steps, most = (_range([getattr(one, name) for one in mine]) for name in ("steps", "epochs"))
        table.add_row(Text(f"{where} {kind}"), str(len(mine)), steps, most, epoch, _hours(total))
    return table


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"


def _disk(found: Forecast, free: int) -> Text:
    words = [f"{what} {_bytes(count)}" for what, count in found.disk().items() if count != 0]
    return Text(f"\nDisk, at most: {', '.join(words) or 'nothing more'}; free are {_bytes(free)}")


def _bytes(count: int | None) -> str:
    if count is None:
        return "not known before a calibration"
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _savings(found: Forecast) -> Iterator[RenderableType]:
    rows = sorted(found.savings(), key=lambda row: (row[2] or 0.0, row[1]), reverse=True)
    if rows:
        table = _table("\nWhat a shorter list under `run:` would save", "run:", "trainings", "at most")
        for change, trainings, seconds in rows:
            table.add_row(Text(change), str(trainings), _hours(seconds))
        yield table
