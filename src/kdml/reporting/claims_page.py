"""The verdicts on the paper's claims as a reader sees them: from the rows of claims.csv to pages. Rendering only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdml.analysis.claims import Answer, Verdict
from kdml.reporting import labels
from kdml.reporting.cells import number, p_value, text, with_interval
from kdml.reporting.table_model import Block, Cell, Row, plain_block

MARKS: Mapping[str, str] = {
    Verdict.HOLDS: "yes",
    Verdict.FAILS: "no",
    Verdict.UNDECIDED: "open",
    Verdict.NOTHING: "open",
}
SHOWN_ANSWERS = (Answer.YES, Answer.NO, Answer.OPEN, Answer.UNDEFINED, Answer.NOT_RUN)
COLUMNS = (
    "Place", "Pair", "Network", "Contrast", "Ours [95 %]", "p (Holm)", "Answer", "Seeds", "Paper [95 %]", "Paper's p (Holm)",
    "Paper's answer", "Remark",
)  # fmt: skip
RULES = (
    "Every claim is a set of contrasts in percentage points (workflow/resources/paper/claims.yaml), each answered yes, no or open "
    "by the rule that stands with it. The paper's own answers come from its means and standard deviations of 3 runs (Welch), by "
    "the same rule."
)


@dataclass(frozen=True)
class Page:
    """One claim under one protocol, ready to show."""

    number: str
    text: str
    decided_by: str
    verdict: str
    mark: str
    paper_verdict: str
    paper_mark: str
    counts: str
    table: Block


def pages(rows: Sequence[Row]) -> list[tuple[str, list[Page]]]:
    """Claims by protocol.

    Args:
        rows: of claims.csv.

    Returns:
        (protocol, its claims) in the order of the rows.
    """
    protocols: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        protocols.setdefault(row["protocol"], {}).setdefault(row["claim"], []).append(row)
    return [(protocol, list(map(_page, claims.values()))) for protocol, claims in protocols.items()]


def warnings(compared: Sequence[Row], note: str) -> Iterator[str]:
    """Notes that a reader must know before taking a verdict for one on the paper.

    Args:
        compared: rows of comparison.csv, with `departures` and `seeds`.
        note: on the experiment.
    """
    departures = dict.fromkeys(part for row in compared for part in row["departures"].split("; ") if part)
    if note or departures:
        differing = f"They depart from the paper's setting: {'; '.join(departures)}." if departures else ""
        yield _joined(("These verdicts are about the runs below and not about the paper.", note, differing))
    if max((int(row["seeds"]) for row in compared), default=0) == 1:
        yield "One seed: they are about these trained networks, not about training them once more."


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(filter(None, sentences))


def _page(rows: Sequence[Row]) -> Page:
    first = rows[0]
    counts = Counter(row["answer"] for row in rows)
    return Page(
        first["claim"],
        first["text"],
        first["decided_by"],
        first["verdict"],
        MARKS[first["verdict"]],
        first["paper_verdict"],
        MARKS[first["paper_verdict"]],
        ", ".join(str(counts[answer]) for answer in SHOWN_ANSWERS),
        plain_block(COLUMNS, [_row(row) for row in rows]),
    )


def _row(row: Row) -> tuple[Cell, ...]:
    contrast = f"{labels.run(row['left'])} – {labels.run(row['right'])}" if row["left"] else "parameters saved (%)"
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
