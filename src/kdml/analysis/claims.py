"""The paper's claims as contrasts of runs, and the rules by which numbers decide them: ours, and the paper's own.

The claims stand in `workflow/resources/paper/claims.yaml`, which explains measures and rules. Nothing here knows a single claim.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ValidationError, model_validator

from kdml.analysis.contrasts import Contrast, runs_in
from kdml.analysis.metrics import PRIMARY
from kdml.analysis.statistics import Interval, holm, welch
from kdml.common.errors import UserError
from kdml.common.yaml_files import read_yaml
from kdml.paper import numbers
from kdml.runs.graph import TEACHER, VARIANTS
from kdml.runs.settings import Model

# measure -> (truth, metric) of the contrasts that `kdml.analysis.contrasts` computes; a None metric is the task's primary one.
BY_CASES: Mapping[str, tuple[str, str | None]] = {
    "performance": ("label", None),
    "fidelity": (TEACHER, None),
    "detection": ("label", "found_small"),
}
_ALL = "The claim holds if all are yes, does not hold if any is no, and is undecided otherwise."
_NOT_ALL = "The claim denies a consistent gain: it holds if any is no, does not hold if all are yes, and is undecided otherwise."
_OF_CASES = "the wider of two: a bootstrap over seeds and groups of test cases, and Student's t over seeds"
# Measures that tell something of the networks themselves: of others than the paper's they say nothing about its claim.
OF_ARCHITECTURES = ("compression",)
_SOURCES: Mapping[str, str] = {**dict.fromkeys(BY_CASES, _OF_CASES), "similarity": "Student's t over seeds"}
UNDEFINED = Interval(math.nan, math.nan, math.nan, math.nan)


class Answer(StrEnum):
    """Answer to one contrast."""

    YES = "yes"
    NO = "no"
    OPEN = "open"
    SAME = "same network"  # both sides answer alike on every test image of every seed: it tells nothing of the claim
    UNDEFINED = "undefined"  # it was run, but the number does not exist
    NOT_RUN = "not run"
    OTHER = "not comparable"  # other networks stand in for the paper's, and the claim is about those themselves
    NOT_GIVEN = "not given"  # by the paper: no number, or none with a spread


_UNKNOWN = (Answer.SAME, Answer.UNDEFINED, Answer.NOT_RUN, Answer.OTHER, Answer.NOT_GIVEN)


class Verdict(StrEnum):
    """Verdict on a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "undecided"
    OTHER = "not comparable (other networks)"
    NOTHING = "without numbers"  # nothing was run, or the paper gives nothing


def _joined(side: Any) -> Any:
    """One string of a list of runs, as contrasts and their files have them."""
    return " ".join(map(str, side)) if isinstance(side, list) else side


Side = Annotated[str, BeforeValidator(_joined)]
"""A run, or several of which the mean is meant."""


class Claim(Model):
    """One of the paper's claims; see claims.yaml."""

    number: int
    title: str
    claim: str
    where: list[str]
    measure: Literal["performance", "fidelity", "similarity", "compression", "detection"]
    networks: list[str]
    rule: Literal["all_above", "not_all_above", "near"]
    contrasts: list[tuple[Side, Side]] = []
    contrasts_at: dict[str, list[tuple[Side, Side]]] = {}
    at_least: float = 0.0
    expected: dict[str, float] = {}
    tolerance: float = 0.0
    quoted: dict[str, float] = {}

    @model_validator(mode="after")
    def _is_complete(self) -> "Claim":
        if self.rule == "near" and self.expected.keys() != set(self.where):
            raise ValueError("the rule near needs a number under `expected` for every place")
        if self.quoted and self.quoted.keys() != {TEACHER, *self.where}:
            raise ValueError("`quoted` needs a number for the teacher and for every place")
        if self.rule != "near" and not all(self.pairs_at(place) for place in self.where):
            raise ValueError("there are no contrasts")
        means = [side for place in self.where for pair in self.pairs_at(place) for side in pair if runs_in(side)[1:]]
        if means and self.measure not in BY_CASES:
            raise ValueError(f"a mean of runs has no {self.measure}: {means[0]}")
        return self

    def in_words(self, level: float) -> str:
        """How its numbers decide it, for the reader of the verdicts.

        Args:
            level: of the tests.
        """
        if self.rule == "near":
            return (
                f"Yes if our number is within {self.tolerance:g} of the paper's, else no; nothing is tested. "
                f"With other networks than the paper's it is not comparable. {_ALL}"
            )
        least = f" of at least {self.at_least:g}" if self.at_least else ""
        below = f", or with an interval that lies below {self.at_least:g}" if self.at_least else ""
        return (
            f"A contrast is yes with a positive difference{least} and p < {level:g} (Holm, within claim and place), "
            f"no with a negative one and p < {level:g}{below}, else open. One of a network with itself does not count. "
            f"Interval and p: {_SOURCES[self.measure]}. "
            f"{_ALL if self.rule == 'all_above' else _NOT_ALL}"
        )

    def pairs_at(self, place: str) -> list[tuple[str, str]]:
        """(left, right) of its contrasts at a place."""
        return self.contrasts_at.get(place, self.contrasts)


class Claims(Model):
    """All claims and the level of their tests."""

    level: float = 0.05
    claims: list[Claim]


def read_claims(path: Path) -> Claims:
    """Read claims.yaml.

    Raises:
        UserError: the file is missing or not valid.
    """
    try:
        return Claims.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UserError(
            f"{path} is not a valid list of claims: {error}", "mend it; its head explains the keys"
        ) from None


def contrasts_at(claims: Claims, place: str, kind: str) -> list[Contrast]:
    """Contrasts over test cases that the claims ask for at a place.

    Args:
        claims: all of them.
        place: task/student.
        kind: of the task.
    """
    wanted = [
        _contrast(claim, left, right, network, kind)
        for claim in claims.claims
        if claim.measure in BY_CASES and place in claim.where
        for left, right in claim.pairs_at(place)
        for network in claim.networks
    ]
    return list(dict.fromkeys(wanted))


def _contrast(claim: Claim, left: str, right: str, network: str, kind: str) -> Contrast:
    truth, metric = BY_CASES[claim.measure]
    return Contrast(left, right, network, truth, metric or PRIMARY[kind])


@dataclass(frozen=True)
class Finding:
    """A number on one contrast, with what has to be known of it."""

    interval: Interval
    seeds: int = 0
    groups: int = 0
    remark: str = ""


# (network, left, right) -> what was found; for compression left and right are empty.
Findings = Mapping[tuple[str, str, str], Finding]


def rows_of(
    claim: Claim, level: float, place: str, ours: Findings, kind: str, of_paper: bool = True
) -> list[dict[str, Any]]:
    """A claim's contrasts at one place: our numbers, the paper's, and the answers to both.

    Args:
        claim: to decide.
        level: of the tests.
        place: task/student.
        ours: what was found there.
        kind: of the task.
        of_paper: whether teacher and students have the paper's architectures; others may stand in for them.
    """
    keys = [(network, *pair) for network in claim.networks for pair in claim.pairs_at(place) or [("", "")]]
    found = [ours.get(key, Finding(UNDEFINED, remark="not run in this experiment")) for key in keys]
    theirs = [_of_paper(claim, place, *key, kind) for key in keys]
    answers = [_answers(claim, level, place, side) for side in ([one.interval for one in found], theirs)]
    answers[0] = [
        (p, Answer.NOT_RUN if one is Answer.UNDEFINED and not finding.seeds else one)
        for (p, one), finding in zip(answers[0], found, strict=True)
    ]
    if claim.measure in OF_ARCHITECTURES and not of_paper:
        answers[0] = [(p, one if one is Answer.NOT_RUN else Answer.OTHER) for p, one in answers[0]]
    unknown = claim.measure == "compression"  # a number that the paper states cannot test itself
    answers[1] = [(p, Answer.NOT_GIVEN if unknown or one is Answer.UNDEFINED else one) for p, one in answers[1]]
    return [
        {
            "place": place,
            "measure": claim.measure,
            "network": network,
            "left": left,
            "right": right,
            **_numbers("", finding.interval, answers[0][number]),
            "seeds": finding.seeds,
            "groups": finding.groups,
            "remark": finding.remark,
            **_numbers("paper_", theirs[number], answers[1][number]),
        }
        for number, ((network, left, right), finding) in enumerate(zip(keys, found, strict=True))
    ]


def _numbers(prefix: str, interval: Interval, answered: tuple[float, Answer]) -> dict[str, Any]:
    found = {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "p": interval.p}
    named = found | {"p_holm": answered[0], "answer": answered[1]}
    return {prefix + name: value for name, value in named.items()}


def _answers(claim: Claim, level: float, place: str, intervals: Sequence[Interval]) -> list[tuple[float, Answer]]:
    """(adjusted p, answer) of every contrast of one family."""
    adjusted = holm([math.nan if _is_of_one_network(interval) else interval.p for interval in intervals])
    return [(p, answer(claim, level, place, one, p)) for one, p in zip(intervals, adjusted, strict=True)]


def _is_of_one_network(found: Interval) -> bool:
    """Whether a difference is 0 however seeds and test cases are drawn.

    So it is where two runs differ in nothing that reaches a network, as V3 and V2 for S1 of KD without ML: by design, no finding.
    """
    return found.estimate == found.low == found.high == 0


def answer(claim: Claim, level: float, place: str, found: Interval, p: float) -> Answer:
    """Answer one contrast by the claim's rule.

    Args:
        claim: whose contrast it is.
        level: of the test.
        place: task/student.
        found: estimate and interval.
        p: adjusted.
    """
    if math.isnan(found.estimate):
        return Answer.UNDEFINED
    if _is_of_one_network(found):
        return Answer.SAME
    if claim.rule == "near":
        return Answer.YES if abs(found.estimate - claim.expected[place]) <= claim.tolerance else Answer.NO
    significant = not math.isnan(p) and p < level
    if significant and found.estimate > 0 and found.estimate >= claim.at_least:
        return Answer.YES
    if (significant and found.estimate < 0) or (claim.at_least > 0 and found.high < claim.at_least):
        return Answer.NO
    return Answer.OPEN


def verdict(claim: Claim, answers: Iterable[str]) -> Verdict:
    """Decide a claim from the answers to all its contrasts at all its places.

    Args:
        claim: to decide.
        answers: to its contrasts.
    """
    answers = [one for one in answers if one != Answer.SAME]
    known = [one for one in answers if one not in _UNKNOWN]
    if not known:
        return Verdict.OTHER if Answer.OTHER in answers else Verdict.NOTHING
    any_no, all_yes = Answer.NO in answers, bool(answers) and all(one == Answer.YES for one in answers)
    if claim.rule == "not_all_above":
        return Verdict.HOLDS if any_no else Verdict.FAILS if all_yes else Verdict.UNDECIDED
    return Verdict.FAILS if any_no else Verdict.HOLDS if all_yes else Verdict.UNDECIDED


def _of_paper(claim: Claim, place: str, network: str, left: str, right: str, kind: str) -> Interval:
    """Contrast of the paper's means and SDs of 3 runs (Welch); undefined where it gives none."""
    if claim.measure == "compression":
        return Interval(claim.expected[place], math.nan, math.nan, math.nan)
    sides = [
        [_papers_value(claim.measure, place, network, name, PRIMARY[kind]) for name in runs_in(side)]
        for side in (left, right)
    ]
    if None in (*sides[0], *sides[1]):
        return UNDEFINED
    return welch(*([(*value, numbers.RUNS) for value in side if value is not None] for side in sides))


def _papers_value(measure: str, place: str, network: str, run: str, metric: str) -> numbers.Value | None:
    task, _, student = place.partition("/")
    table = {"performance": numbers.TABLES, "fidelity": numbers.FIDELITY_TABLES}.get(measure, {}).get((task, student))
    if run in VARIANTS:
        return numbers.variants(table).get((*VARIANTS[run], network, metric)) if table else None
    return numbers.methods().get((task, run, metric)) if measure == "performance" else None
