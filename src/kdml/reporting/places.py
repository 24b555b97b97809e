"""What was run at a place and what came out, with the paper's numbers where it has any: read from runs.csv and values.csv."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN
from kdml.paper import numbers
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.table_model import Row
from kdml.runs.graph import BASELINE, ENSEMBLE, PROPOSED, TEACHER, VARIANTS
from kdml.runs.records import refuse_mixed_code
from kdml.runs.run_table import ALONE_SHEET, COLUMNS, SEPARATOR

VALUE_COLUMNS = ("run", "network", "truth", "metric", "mean", "std", "seeds", "cases", "code_hash", "outputs")
_RUNS = {key: name for name, key in VARIANTS.items()}
_COLUMNS = {"std": "SD", "gamma": "γ", "gamma_prime": "γ'"}  # of the paper's files, in words

Key = tuple[str, str, str]
"""(run, network, metric)."""


@dataclass(frozen=True)
class PlaceResults:
    """A protocol, task and pair, with its runs and their values.

    Args:
        protocol: how the split is made.
        task: key of the task.
        pair: key of the pair.
        runs: rows of runs.csv.
        values: rows of values.csv.
    """

    protocol: str
    task: str
    pair: str
    runs: Sequence[Row]
    values: Sequence[Row]

    @property
    def label(self) -> str:
        """The place as protocol/task/pair."""
        return f"{self.protocol}/{self.task}/{self.pair}"

    @property
    def title(self) -> str:
        """Title of the task."""
        return self.runs[0]["task_title"]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that tables show."""
        return tuple(self.runs[0]["metrics"].split(SEPARATOR))

    def described(self, role: str, what: str) -> str:
        """A word on the network of a role (teacher, student): its `network`, `title`, or what it `stands_for`."""
        return self.runs[0][f"{role}_{what}"]

    @property
    def titles(self) -> dict[str, str]:
        """Titles by run, where runs.csv has one."""
        return {row["run"]: row["title"] for row in self.runs if row["title"]}

    def names(self, sheet: str) -> list[str]:
        """Runs of a sheet (variants, methods, alone) that have values, in the order in which runs are shown."""
        measured = {row["run"] for row in self.values}
        names = dict.fromkeys(row["run"] for row in self.runs if row["sheet"] == sheet and row["run"] in measured)
        return sorted(names, key=labels.run_order)

    def described_run(self, run: str) -> Row:
        """The first row of runs.csv of a run."""
        return next(row for row in self.runs if row["run"] == run)

    def by_key(self, truth: str = "label") -> dict[Key, Row]:
        """Values by run, network and metric.

        Args:
            truth: `label`, or `teacher` for fidelity.
        """
        return {(row["run"], row["network"], row["metric"]): row for row in self.values if row["truth"] == truth}

    def papers(self, kind: str) -> Mapping[Key, numbers.Value]:
        """The paper's numbers by run, network and metric; nothing where it has no table for the task and the student.

        Args:
            kind: of the table: `results`, `fidelity`, `methods` or `baselines`.
        """
        student = self.described("student", "stands_for")
        if kind == "baselines":
            return dict(self._papers_baselines())
        if kind == "methods":
            return dict(_papers_methods(self.task, student))
        table = self._table(kind)
        found = numbers.variants(table) if table else {}
        return {(_RUNS[t, s], network, metric): value for (t, s, network, metric), value in found.items()}

    def _table(self, kind: str) -> int | None:
        """Number of the paper's table of a kind (`results`, `fidelity` or `methods`) that has this place's numbers."""
        student = self.described("student", "stands_for")
        if kind == "methods":
            return numbers.METHODS_TABLE if dict(_papers_methods(self.task, student)) else None
        return (numbers.FIDELITY_TABLES if kind == "fidelity" else numbers.TABLES).get((self.task, student))

    def misprints(self, kind: str) -> str:
        """What the paper's table of a kind misprints, and how it was read; nothing where there is no such table, or no misprint.

        Args:
            kind: of the table: `results`, `fidelity` or `methods`.
        """
        table = self._table(kind)
        said = dict.fromkeys(_said_of(row) for row in numbers.misprints(table)) if table else {}
        return f"The paper's table {table} misprints {'; '.join(said)}." if said else ""

    def _papers_baselines(self) -> Iterator[tuple[Key, numbers.Value]]:
        table = numbers.BASELINE_TABLES.get(self.task)
        for (task, architecture, metric), value in (numbers.baselines(table) if table else {}).items():
            for role in ("teacher", "student"):
                if (task, architecture) == (self.task, self.described(role, "stands_for")):
                    yield (f"{BASELINE}_{role}", BASELINE, metric), value


def _said_of(row: Row) -> str:
    """One misprint in words."""
    columns = " and ".join(_COLUMNS.get(name, name) for name in row["column"].split(", "))
    of = [labels.run(row["run"]), labels.network(row["network"]), labels.metric(row["metric"])]
    read = "" if row["printed"] == row["read_as"] else f", read as {row['read_as']}"
    return f"{' '.join(filter(None, of))}, {columns}: “{row['printed']}”{read} ({row['why']})"


def _papers_methods(task: str, student: str) -> Iterator[tuple[Key, numbers.Value]]:
    """Numbers of table 10, which has one student."""
    for (of, method, metric), value in numbers.methods().items():
        if (of, student) == (task, numbers.METHODS_STUDENT):
            yield (method, compared_network(method), metric), value


def compared_network(run: str) -> str:
    """The network that table 10 compares: of the paper's proposal the ensemble, of a method its only student."""
    return ENSEMBLE if run == PROPOSED else "s1"


def read_places(data: Data) -> list[PlaceResults]:
    """Places with their runs and values, ordered by protocol.

    Args:
        data: files `runs:PLACE` and `values:PLACE`; the option `allow_mixed_code` accepts runs of several versions of the
            training code.

    Raises:
        UserError: there is no place, a file is missing or is no such table, or versions of the training code are mixed.
    """
    places = [_read(data, label) for label in data.places("values")]
    if not places:
        raise UserError("No values were given.", "pass --data values:PROTOCOL/TASK/PAIR=FILE")
    if not data.options.get("allow_mixed_code"):
        refuse_mixed_code({f"{where} ({code})": code for place in places for where, code in _codes(place)})
    order = list(labels.PROTOCOLS)
    return sorted(places, key=lambda p: order.index(p.protocol) if p.protocol in order else len(order))


def _read(data: Data, label: str) -> PlaceResults:
    runs, values = data.rows(f"runs:{label}"), data.rows(f"values:{label}")
    for rows, columns, kind in ((runs, COLUMNS, "runs"), (values, VALUE_COLUMNS, "values")):
        if not rows:
            raise UserError(f"{data.one(f'{kind}:{label}')} has no rows.", MAKE_AGAIN)
        if missing := [name for name in columns if name not in rows[0]]:
            raise UserError(f"{data.one(f'{kind}:{label}')} lacks the column '{missing[0]}'.", MAKE_AGAIN)
    protocol, task, pair = label.split("/")
    return PlaceResults(protocol, task, pair, runs, values)


def _codes(place: PlaceResults) -> Iterator[tuple[str, str]]:
    """(run, one of the code hashes behind its seeds)."""
    for row in place.values:
        for code in row["code_hash"].split():
            yield f"{place.label}/{row['run']}", code


def departures(rows: Iterable[Row]) -> list[str]:
    """How the runs differ from the paper's, each once.

    Args:
        rows: of values.csv or comparison.csv, with `departures`.
    """
    return list(dict.fromkeys(part for row in rows for part in row["departures"].split("; ") if part))


def misprinted(places: Sequence[PlaceResults], kind: str) -> list[str]:
    """What the paper's tables of a kind misprint that have the numbers of these places, a note for each.

    Args:
        places: that a table shows.
        kind: of the table: `results`, `fidelity` or `methods`.
    """
    return list(dict.fromkeys(filter(None, (place.misprints(kind) for place in places))))


def by_protocol(places: Sequence[PlaceResults]) -> dict[str, list[PlaceResults]]:
    """Places of each protocol, in their order."""
    return {name: [p for p in places if p.protocol == name] for name in dict.fromkeys(p.protocol for p in places)}


def trained_alone(places: Sequence[PlaceResults]) -> dict[tuple[str, str, str], tuple[PlaceResults, str]]:
    """Networks trained alone, each once, though several pairs may have it.

    Args:
        places: with values of the sheet `alone`.

    Returns:
        (protocol, task, network) -> the first place that has it, and its run there.
    """
    found: dict[tuple[str, str, str], tuple[PlaceResults, str]] = {}
    for place in places:
        for run in (name for name in place.names(ALONE_SHEET) if name in labels.ALONE):
            network = place.described(role_of(run), "network")
            found.setdefault((place.protocol, place.task, network), (place, run))
    return found


def role_of(run: str) -> str:
    """The role in its pair of a network trained alone: teacher or student."""
    return TEACHER if run == f"{BASELINE}_{TEACHER}" else "student"


def title_of_network(place: PlaceResults, role: str) -> str:
    """Title of a pair's network; of a stand-in with the paper's architecture that it stands for."""
    ours, papers = _titles(place, role)
    return f"{ours} (the paper: {papers})" if papers else ours


def introduced(place: PlaceResults, role: str) -> str:
    """A pair's network where it is named first: its role, its title, and of a stand-in what the paper has there."""
    ours, papers = _titles(place, role)
    return f"{role} (ours: {ours}; the paper: {papers})" if papers else f"{role} ({ours})"


def _titles(place: PlaceResults, role: str) -> tuple[str, str]:
    """Title of a pair's network, and of the architecture that it stands for, if that is another."""
    network, title, stands_for = (place.described(role, what) for what in ("network", "title", "stands_for"))
    like = labels.ARCHITECTURES.get(stands_for, stands_for)
    return title or network, "" if stands_for == network else like
