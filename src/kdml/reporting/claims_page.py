"""The verdicts on the paper's claims as a reader sees them: from the rows of claims.csv to pages. Rendering only."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdml.analysis.claims import Answer, Verdict
from kdml.reporting import labels
from kdml.reporting.plain_tables import Cell, Grid, number, p_value, text, with_interval

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
    grid: Grid


def pages(rows: Sequence[Mapping[str, str]]) -> list[tuple[str, list[Page]]]:
    """(protocol, its claims) from the rows of claims.csv."""
    protocols = dict.fromkeys(row["protocol"] for row in rows)
    claims = {
        protocol: dict.fromkeys(row["claim"] for row in rows if row["protocol"] == protocol) for protocol in protocols
    }
    return [
        (
            protocol,
            [_page([row for row in rows if (row["protocol"], row["claim"]) == (protocol, claim)]) for claim in mine],
        )
        for protocol, mine in claims.items()
    ]


def _page(rows: Sequence[Mapping[str, str]]) -> Page:
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
        Grid(COLUMNS, tuple(_row(row) for row in rows)),
    )


def _row(row: Mapping[str, str]) -> tuple[Cell, ...]:
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
