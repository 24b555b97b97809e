"""The paper's claims at the places of an experiment: the files that decide them there, and the rows that follow."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdml.analysis import claims, power, readings, statistics
from kdml.analysis.claims import Claim, Claims, Finding, Findings
from kdml.analysis.metrics import PRIMARY
from kdml.analysis.statistics import Interval
from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN, read_csv
from kdml.paper import numbers
from kdml.runs.graph import ENSEMBLE, TEACHER
from kdml.runs.run_table import RunTable

CONTRAST_COLUMNS = ("left", "right", "network", "by_seed", "cases_error", "seeds", "cases", "groups")
HEAD_COLUMNS = ("place", "teacher_head", "students_head", "block", "teacher", "students")
# What decides claims at a place, in words.
FILES: Mapping[str, str] = {
    "runs": "runs.csv",
    "contrasts": "contrasts.csv, of variants and of methods,",
    "similarity": "similarity.csv",
    "costs": "costs.csv",
}


class Judged:
    """A place and the files that decide claims there.

    Args:
        name: that its files were given under.
        files: by the names of `FILES`.

    Raises:
        UserError: its table of runs is not given, or not one, or cannot be read.
    """

    def __init__(self, name: str, files: Mapping[str, list[Path]]):
        self.name, self.files = name, files
        self.table = RunTable(self._only("runs"))

    def findings(self, claim: Claim) -> Findings:
        """Our numbers on a claim.

        Raises:
            UserError: a file that decides it is not given, or cannot be read.
        """
        if claim.measure == "similarity":
            return _from_similarity(self.files["similarity"], claim, self.table.name)
        if claim.measure == "compression":
            return _from_costs(self._only("costs"))
        return _from_cases(self.files["contrasts"], claim, self.table.kind)

    def _only(self, what: str) -> Path:
        """A file that every place has once; contrasts and similarity there are where variants or methods were run."""
        given = self.files[what]
        if len(given) != 1:
            problem = f"Of the place {self.name} {len(given)} files {FILES[what]} are given, and not one."
            raise UserError(problem, f"write --{what} {self.name}=path/to/{FILES[what]} once")
        return given[0]


def places_of(given: Mapping[str, Iterable[tuple[str, Path]]]) -> list[Judged]:
    """Places in the order in which their tables of runs are given.

    Args:
        given: files under the names of their places, by the names of `FILES`, the tables of runs first.

    Raises:
        UserError: the table of runs of a place is not given, or not one, or cannot be read.
    """
    places: dict[str, dict[str, list[Path]]] = {}
    for name, files in given.items():
        for place, path in files:
            places.setdefault(place, {other: [] for other in FILES})[name].append(path)
    return [Judged(place, files) for place, files in places.items()]


def rows(read: Claims, places: Sequence[Judged], protocols: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of claims.csv: every contrast of every claim under every protocol.

    Args:
        read: of claims.yaml.
        places: that were run.
        protocols: that are judged, also where nothing was run that a claim is about.
    """
    return [
        row for protocol in protocols for claim in read.claims for row in _rows_of(claim, read.level, places, protocol)
    ]


def _rows_of(claim: Claim, level: float, places: Sequence[Judged], protocol: str) -> list[dict[str, Any]]:
    """Contrasts of a claim under one protocol; a place that is not run keeps its rows, so that what is missing can be seen."""
    rows = []
    for name in claim.where:
        here = [place for place in places if (place.table.name, place.table.facts["protocol"]) == (name, protocol)]
        for place in [*here, *([] if here else [None])]:
            kind = place.table.kind if place else numbers.kind_of(name.partition("/")[0])
            ours = place.findings(claim) if place else {}
            keys: dict[str, Any] = {
                "claim": claim.number,
                "title": claim.title,
                "rule": claim.rule,
                "at_least": claim.at_least,
                "text": claim.claim,
                "protocol": protocol,
                "pair": place.table.facts["pair"] if place else "",
            }
            of_paper = place is None or place.table.of_paper
            rows += [keys | row for row in claims.rows_of(claim, level, name, ours, kind, of_paper)]
    judged = {
        "decided_by": claim.in_words(level),
        "verdict": claims.verdict(claim, [row["answer"] for row in rows]),
        "paper_verdict": claims.verdict(claim, [row["paper_answer"] for row in rows]),
    }
    return [row | judged for row in rows]


def rows_of_readings(read: Claims, heads: Path) -> list[dict[str, Any]]:
    """Rows of readings.csv: the claims on the networks' size under every reading.

    Args:
        read: of claims.yaml.
        heads: heads.csv.

    Raises:
        UserError: the file cannot be read, or lacks a column.
    """
    counted = read_csv(heads, MAKE_AGAIN, HEAD_COLUMNS)
    of_size = [claim for claim in read.claims if claim.measure == "compression"]
    return [row for claim in of_size for row in readings.rows(claim, read.level, counted)]


def designs(places: Sequence[Judged], level: float) -> list[dict[str, Any]]:
    """Rows of design.csv: places with variants, then those of the paper that were not run."""
    rows = []
    for place in places:
        table, metric = place.table, PRIMARY[place.table.kind]
        contrasts = [row for path in place.files["contrasts"] for row in read_csv(path, MAKE_AGAIN, CONTRAST_COLUMNS)]
        if found := power.described(contrasts, metric, level):
            keys = {
                "protocol": table.facts["protocol"],
                "place": table.name,
                "pair": table.facts["pair"],
                "metric": metric,
            }
            task, _, student = table.name.partition("/")
            rows.append(keys | power.of_paper(task, student, metric, level) | found)
    return [*rows, *power.not_run(rows, PRIMARY, level)]


def _from_cases(paths: list[Path], claim: Claim, kind: str) -> Findings:
    """What the contrasts of a place say on a claim."""
    truth, metric = claims.BY_CASES[claim.measure]
    wanted = (truth, metric or PRIMARY[kind])
    return {
        (row["network"], row["left"], row["right"]): Finding(
            Interval(*(float(row[name] or "nan") for name in ("estimate", "low", "high", "p"))),
            int(row["seeds"] or 0),
            int(row["groups"] or 0),
            row["remark"],
        )
        for path in paths
        for row in read_csv(path, MAKE_AGAIN, ("estimate", "remark"))
        if row["family"] == "claims" and (row["truth"], row["metric"]) == wanted
    }


def _from_similarity(paths: list[Path], claim: Claim, place: str) -> Findings:
    """Mean CKA of the higher layers, paired by seed; uncertainty over seeds alone."""
    values: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in (row for path in paths for row in read_csv(path, MAKE_AGAIN, ("upper_mean",))):
        values[row["run"], f"{row['first']}-{row['second']}"][row["seed"]] = 100 * float(row["upper_mean"])
    return {
        (network, left, right): _paired(values[left, network], values[right, network])
        for network in claim.networks
        for left, right in claim.pairs_at(place)
        if values[left, network] and values[right, network]
    }


def _paired(left: Mapping[str, float], right: Mapping[str, float]) -> Finding:
    seeds = sorted(left.keys() & right.keys())
    if not seeds:
        return Finding(claims.UNDEFINED, remark="no seed in common")
    found = statistics.paired_seeds([left[seed] - right[seed] for seed in seeds])
    undefined = [seed for seed in seeds if math.isnan(left[seed] - right[seed])]
    alone = sorted(left.keys() ^ right.keys())
    said = (
        f"undefined in seed {', '.join(undefined)}: a layer gives all images the same" if undefined else "",
        "one seed: no interval, because CKA has none over test cases"
        if len(seeds) == 1
        else "interval over seeds alone",
        f"left out, without a partner: seed {', '.join(alone)}" if alone else "",
    )
    return Finding(found, len(seeds), 0, "; ".join(filter(None, said)))


def _from_costs(path: Path) -> Findings:
    """Share of the teacher's parameters that two students together do without."""
    rows = read_csv(path, MAKE_AGAIN, ("network", "students", "parameters", "saved"))
    by_network = {(row["network"], row["students"]): row for row in rows}
    teacher, both = by_network.get((TEACHER, "0")), by_network.get((ENSEMBLE, "2"))
    if teacher is None or both is None:
        return {}
    nothing = float("nan")
    remark = f"{int(both['parameters']):,} of {int(teacher['parameters']):,} parameters"
    return {("ensemble", "", ""): Finding(Interval(float(both["saved"]), nothing, nothing, nothing), remark=remark)}
