"""What a reader of the page sees before anything else: what ran, what came out, and whether to trust it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdml.analysis.claims import Verdict
from kdml.reporting import labels
from kdml.reporting.claims_page import Page, tally
from kdml.reporting.one_answer import NO_BETTER, beside_one_answer
from kdml.reporting.table_model import Row
from kdml.runs.graph import ENSEMBLE

DRAWN = "Demo: synthetic images, not patients. No number here is about the paper."
REDUCED = "Reduced: these runs differ from the paper's setting."


def badge(drawn: bool, departures: Sequence[str]) -> str:
    """Say in a line what the numbers are not about; nothing where the setting is the paper's.

    Args:
        drawn: whether the images are drawn look-alikes.
        departures: from the paper's setting.
    """
    return DRAWN if drawn else REDUCED if departures else ""


def what_ran(records: Sequence[Mapping[str, Any]], places: Sequence[Row]) -> dict[str, str]:
    """How much of what was trained, on what, for how long.

    Args:
        records: contents of run.json of every training.
        places: facts of every place (`kdml.runs.run_table.COLUMNS`).
    """
    tests: dict[str, set[int]] = {}  # splits differ in size
    for record in records:
        tests.setdefault(record["settings"]["task"], set()).add(record["images"]["test"])
    titles = _titles(places)
    networks = {f"{_network(place, 'teacher')} and {_network(place, 'student')}" for place in places}
    epochs, seeds = ({record[name] for record in records} for name in ("epochs", "seed"))
    return {
        "Trainings": f"{len(records):,}",
        "Test images": "; ".join(f"{titles.get(task, task)}: {_span(counts)}" for task, counts in tests.items()),
        "Teacher and students": "; ".join(sorted(networks)),
        "Epochs": _span(epochs),
        "Seeds": str(len(seeds)),
        "On": ", ".join(dict.fromkeys(record["device"] for record in records)),
        "Training time": duration(sum(record["seconds"] for record in records)),
    }


def _titles(places: Sequence[Row]) -> dict[str, str]:
    return {place["task"]: place["task_title"] for place in places}


def _network(place: Row, role: str) -> str:
    title, like = place[f"{role}_title"] or place[f"{role}_network"], place[f"{role}_stands_for"]
    return title if like in ("", place[f"{role}_network"]) else f"{title} (the paper: {labels.ARCHITECTURES[like]})"


def _span(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def duration(seconds: float) -> str:
    """A time in the unit that a reader thinks in."""
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def bars(protocols: Sequence[tuple[str, Sequence[Page]]]) -> list[tuple[str, str, list[dict[str, str]]]]:
    """A bar of verdicts for every protocol, and below them that of the paper's own numbers.

    Returns:
        (whose, how many verdicts are which, a cell per claim).
    """
    several = len(protocols) > 1
    found = [
        (f"These runs, {name.lower()}" if several else "These runs", [_cell(page) for page in pages])
        for name, pages in protocols
    ]
    found.append(("The paper's own numbers", [_cell(page, "paper_") for page in protocols[0][1]]))
    return [(name, tally([cell["verdict"] for cell in cells]), cells) for name, cells in found]


def no_claim(protocols: Sequence[tuple[str, Sequence[Page]]]) -> bool:
    """Whether these runs give no claim of the paper numbers, as those on data of the user's own or of networks trained alone."""
    return all(page.verdict == Verdict.NOTHING for _, pages in protocols for page in pages)


def _cell(page: Page, whose: str = "") -> dict[str, str]:
    own = {name: getattr(page, whose + name) for name in ("verdict", "mark", "sign")}
    return {"number": page.number, "title": page.title, "anchor": page.anchor, **own}


def trust(
    records: Sequence[Mapping[str, Any]],
    leakage: Sequence[Row],
    places: Sequence[Row],
    values: Sequence[Sequence[Row]] = (),
) -> Iterator[tuple[bool, str]]:
    """What speaks for the numbers and what against them.

    Args:
        records: contents of run.json of every training.
        leakage: rows of leakage.csv.
        places: facts of every place.
        values: rows of values.csv of the variants, for every place.

    Yields:
        (whether it speaks for them, in words).
    """
    codes = len({record["code_hash"] for record in records})
    yield codes == 1, "One version of the training code" if codes == 1 else f"{codes} versions of the training code"
    fixed = sum(bool(record["deterministic"]) for record in records)
    words = {len(records): "Deterministic: the same machine gives the same numbers", 0: "Not deterministic"}
    yield fixed == len(records), words.get(fixed, f"{fixed} of {len(records)} trainings are deterministic")
    if len({record["seed"] for record in records}) == 1:
        yield False, labels.ONE_SEED
    if said := _learned_nothing(values):
        yield False, said
    datasets, titles = {place["task"]: place["dataset"] for place in places}, _titles(places)
    for (task, protocol), rows in _by_split(leakage).items():
        cases, group = labels.CASES.get(datasets.get(task, ""), ("images", "group"))
        split = f", {labels.PROTOCOLS[protocol]}" if len({row["protocol"] for row in leakage}) > 1 else ""
        title = titles.get(task, task)
        worst = max(rows, key=lambda row: int(row["test_with_group_in_train"] or 0))
        shared = worst["test_with_group_in_train"]
        if shared == "":
            yield False, f"{title}{split}: not known which {cases} share a {group}"
        else:
            share = f"{shared} of {worst['test_images']} test {cases} share a {group} with training"
            yield shared == "0", f"{title}{split}: {share}"


def _learned_nothing(values: Sequence[Sequence[Row]]) -> str:
    """How many ensembles are no better than naming the most frequent class, or marking all alike; nothing where none is."""
    found = [one for rows in values for one in beside_one_answer(rows, "mean") if one.row["network"] == ENSEMBLE]
    below = sum(one.is_no_better for one in found)
    return f"{below} of {len(found)} ensembles {NO_BETTER}" if below else ""


def _by_split(leakage: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in leakage:
        found.setdefault((row["task"], row["protocol"]), []).append(row)
    return found
