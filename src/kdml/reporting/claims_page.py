"""The verdicts on the paper's claims as a reader sees them: from the rows of claims.csv to pages. Rendering only."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdml.analysis.claims import Answer, Verdict
from kdml.analysis.contrasts import runs_in
from kdml.reporting import labels
from kdml.reporting.cells import number, p_value, text, with_interval
from kdml.reporting.places import departures
from kdml.reporting.readings import of_sizes
from kdml.reporting.table_model import Block, Cell, Row, plain_block

MARKS: Mapping[str, str] = {Verdict.HOLDS: "yes", Verdict.FAILS: "no"}  # the others are open
ANSWERED: Mapping[str, str] = {Answer.YES: "yes", Answer.NO: "no"}
SIGNS: Mapping[str, str] = {Verdict.HOLDS: "✓", Verdict.FAILS: "✗", Verdict.UNDECIDED: "?", Verdict.OTHER: "≠"}
SAID: Mapping[str, tuple[str, str]] = {  # of one claim, of several
    Verdict.HOLDS: ("holds", "hold"),
    Verdict.FAILS: ("does not hold", "do not hold"),
    Verdict.UNDECIDED: ("undecided", "undecided"),
    Verdict.OTHER: ("not comparable", "not comparable"),
    Verdict.NOTHING: ("without numbers", "without numbers"),
}
COLUMNS = (
    "Place", "Pair", "Network", "Contrast", "Ours [unadjusted 95 %]", "p (Holm)", "Answer", "Seeds", "Paper [unadjusted 95 %]",
    "Paper's p (Holm)", "Paper's answer", "Remark",
)  # fmt: skip
RULES = (
    "Every claim is a set of contrasts, differences of two runs in percentage points. Each is answered yes, no or open by p after "
    "Holm's correction; the intervals are not corrected, so that of an open one may leave out 0. Where two variants give a network "
    "the same lessons, a contrast compares it with itself: it is 0 by design and counts neither for a claim nor in the correction. "
    "The paper's own answers follow by the same rule from its means and standard deviations of 3 runs (Welch)."
)


@dataclass(frozen=True)
class Contrast:
    """A contrast that was run, drawn and in words.

    Args:
        group: place and network that it is about.
        title: what is compared with what.
        ours: the estimate with its interval, p, the answer, and how the answer is marked.
        paper: the same of the paper.
        remark: what has to be known of it alone.
        drawn: ends of the interval, our estimate and the paper's from 0 to 100; an end or the paper's is NaN where there is none.
    """

    group: str
    title: str
    ours: tuple[str, str, str, str]
    paper: tuple[str, str, str, str]
    remark: str
    drawn: Mapping[str, float]


@dataclass(frozen=True)
class Page:
    """One claim under one protocol, ready to show.

    Args:
        anchor: of the claim within a page.
        number: of the claim.
        title: the claim in a few words.
        text: the claim.
        decided_by: the rule.
        verdict: from these runs; `sign`: a character for it, `mark`: how it is marked (yes, no, open).
        paper_verdict: from the paper's numbers; likewise.
        counts: how many contrasts have which answer.
        remarks: that all of its contrasts share.
        contrasts: those that were run.
        reach: percentage points from the middle of the drawing to its ends.
        table: the same as a table.
        readings: what the claim's numbers are under every reading of the paper, with the verdict under each; None without any.
    """

    anchor: str
    number: str
    title: str
    text: str
    decided_by: str
    verdict: str
    mark: str
    sign: str
    paper_verdict: str
    paper_mark: str
    paper_sign: str
    counts: str
    remarks: str
    contrasts: Sequence[Contrast]
    reach: float
    table: Block
    readings: Block | None = None


def pages(rows: Sequence[Row], read_as: Sequence[Row] = ()) -> list[tuple[str, list[Page]]]:
    """Claims by protocol.

    Args:
        rows: of claims.csv.
        read_as: rows of readings.csv.

    Returns:
        (how the images are split, its claims) in the order of the rows.
    """
    protocols: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        protocols.setdefault(row["protocol"], {}).setdefault(row["claim"], []).append(row)
    return [
        (
            labels.protocol(protocol),
            [_page(mine, [row for row in read_as if row["claim"] == number]) for number, mine in claims.items()],
        )
        for protocol, claims in protocols.items()
    ]


def tally(verdicts: Sequence[str]) -> str:
    """Say how many verdicts are which, such as "4 do not hold, 1 holds"."""
    counts = Counter(verdicts)
    return ", ".join(f"{counts[one]} {SAID[one][counts[one] > 1]}" for one in SAID if counts[one])


def warnings(compared: Sequence[Row], note: str) -> Iterator[str]:
    """Notes that a reader must know before taking a verdict for one on the paper.

    Args:
        compared: rows of comparison.csv, with `departures` and `seeds`.
        note: on the experiment.
    """
    differing = departures(compared)
    if note or differing:
        said = f"They differ from the paper's: {'; '.join(differing)}." if differing else ""
        yield " ".join(filter(None, ("The verdicts are about these runs and not about the paper.", note, said)))
    if max((int(row["seeds"]) for row in compared), default=0) == 1:
        yield f"{labels.ONE_SEED}."


def _page(rows: Sequence[Row], read_as: Sequence[Row]) -> Page:
    first = rows[0]
    counts = Counter(row["answer"] for row in rows)
    run = [row for row in rows if row["answer"] != Answer.NOT_RUN]
    reach = _reach(run)
    remarks = {row["remark"] for row in run}
    shared = remarks.pop() if len(remarks) == 1 else ""
    return Page(
        f"claim-{first['claim']}-{first['protocol']}",
        first["claim"],
        first["title"],
        first["text"],
        first["decided_by"],
        first["verdict"],
        MARKS.get(first["verdict"], "open"),
        SIGNS.get(first["verdict"], "–"),
        first["paper_verdict"],
        MARKS.get(first["paper_verdict"], "open"),
        SIGNS.get(first["paper_verdict"], "–"),
        ", ".join(f"{counts[answer]} {answer}" for answer in Answer if counts[answer]),
        f"{shared[:1].upper()}{shared[1:]}",
        [_contrast(row, reach, shared) for row in run],
        reach,
        plain_block(COLUMNS, [_row(row) for row in run]),
        of_sizes(read_as) if read_as else None,
    )


def _reach(rows: Sequence[Row]) -> float:
    """Half the width of a claim's drawing: a round number that holds all estimates and ends of intervals."""
    names = ("estimate", "low", "high", "paper_estimate")
    largest = max(
        (abs(value) for row in rows for name in names if not math.isnan(value := _number(row[name]))), default=1
    )
    scale = 10 ** math.floor(math.log10(largest or 1))
    return next(step * scale for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * scale >= largest)


def _number(value: str) -> float:
    return float(value or "nan")


def _contrast(row: Row, reach: float, shared: str) -> Contrast:
    cells = {cell: content.text for cell, content in zip(COLUMNS, _row(row), strict=True)}
    names = {"low": "low", "high": "high", "ours": "estimate", "paper": "paper_estimate"}
    answers = [(row[name], ANSWERED.get(row[name], "open")) for name in ("answer", "paper_answer")]
    return Contrast(
        f"{cells['Place'].partition('/')[0]}, pair {cells['Pair']}, {cells['Network'].replace('Ensemble', 'ensemble')}",
        cells["Contrast"],
        (cells["Ours [unadjusted 95 %]"], cells["p (Holm)"], *answers[0]),
        (number(row["paper_estimate"]).text, cells["Paper's p (Holm)"], *answers[1]),
        "" if row["remark"] == shared else row["remark"],
        {key: round(50 + 50 * _number(row[name]) / reach, 1) for key, name in names.items()},
    )


def _side(side: str) -> str:
    """Title of a run, or of the mean of several."""
    first, *others = (labels.run(name) for name in runs_in(side))
    return f"mean of {', '.join((first, *others[:-1]))} and {others[-1]}" if others else first


def _row(row: Row) -> tuple[Cell, ...]:
    contrast = " – ".join(map(_side, (row["left"], row["right"]))) if row["left"] else "parameters saved (%)"
    return (
        text(row["place"]),
        text(row["pair"]),
        text(labels.network(row["network"])),
        text(contrast),
        with_interval(row["estimate"], row["low"], row["high"]),
        p_value(row["p_holm"]),
        text(row["answer"]),
        number(row["seeds"], ".0f"),
        with_interval(row["paper_estimate"], row["paper_low"], row["paper_high"]),
        p_value(row["paper_p_holm"]),
        text(row["paper_answer"]),
        text(row["remark"]),
    )
