"""What a clinic asks of a network beyond its score, at every place: which decisions it takes, which of them are wrong,
whether its probabilities mean what they say, and when a person should be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kdml.analysis.class_pixels import OF_CLASS
from kdml.analysis.families import REFERRAL as OF_REFERRAL
from kdml.analysis.metrics import AURC, AURC_DISAGREEMENT, AURC_GAIN, FOUND, digits_scale_of
from kdml.analysis.surfaces import IN_MILLIMETRES, IN_PIXELS
from kdml.analysis.temperature import at_limit
from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, Cell, digits_of, is_known, number, p_value, text, with_interval
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import by_place, row_order
from kdml.reporting.table_model import Column, Row, Section, Table
from kdml.runs.graph import ENSEMBLE, PROPOSED, STRATEGIES, VARIANTS
from kdml.runs.run_table import SEPARATOR

WHO = ("Variant", "Network")
DECISIONS = ("sensitivity", "specificity", "balanced_accuracy", "auc")
BY_CLASS = ("iou", "f_score", FOUND)
PROBABILITIES = ("brier", "brier_scaled", "ece", "ece_scaled", "temperature")
WITHOUT_INTERVAL = ("temperature",)  # of a run it is one number, whichever cases are drawn
OF_REGIONS = ("region_brier", "region_brier_scaled", "region_ece", "region_ece_scaled")
SURFACES = (*IN_PIXELS, *IN_MILLIMETRES)  # a place has those of one unit
REFERRAL = (AURC, AURC_DISAGREEMENT, AURC_GAIN)
DIVERSIFIED = (
    "Variant", "Against", "Network", Column(f"It gains{INTERVAL}", "It gains"),
    Column(f"The other gains{INTERVAL}", "The other gains"), Column(f"Difference{INTERVAL}", "Difference"), "p", "p (Holm)",
)  # fmt: skip
LEVEL = 0.05  # of p, adjusted within a place

Values = Mapping[tuple[str, str, str], Row]
"""Rows of values.csv by run, network and metric."""


def table(data: Data) -> Table:
    """Sections of a place below each other: decisions, classes of masks, surfaces, confusion matrices, probabilities, referral, and
    whether diversified knowledge is useful for that.

    Args:
        data: files `values:PLACE` and `confusion:PLACE` of variants and of networks trained alone, `contrasts:PLACE`, and
            `runs:PLACE`.
    """
    parts = (
        _decisions(data), _classes(data), _surfaces(data), _confusion(data), _probabilities(data), _referral(data),
        _diversified(data),
    )  # fmt: skip
    places = data.places("values")
    sections = sorted((section for part in parts for section in part), key=lambda one: places.index(one.key))
    return Table(tuple(sections))


def section(
    data: Data, place: str, about: str, columns: Sequence[str | Column], rows: Sequence[Sequence[Cell]], note: str = ""
) -> tuple[Section, ...]:
    """Make the section of a place, which says in its heading and in every stored row what it is about; none without rows.

    Args:
        data: with files `runs:PLACE`.
        place: protocol/task/pair.
        about: a few words.
        columns: of the section.
        rows: its cells.
        note: what a reader must know of it.
    """
    found = by_place(data, columns, {place: rows}, said={place: note} if note else None).sections
    return tuple(
        replace(one, title=f"{one.title}: {about.lower()}", place=(*one.place, ("About", about))) for one in found
    )


def _who(row: Row) -> tuple[Cell, Cell]:
    return text(labels.run(row["run"])), text(labels.network(row["network"]))


# Decisions


def _decisions(data: Data) -> tuple[Section, ...]:
    """Sensitivity, specificity and what follows from them, of every network; masks have no AUC."""
    found: tuple[Section, ...] = ()
    for label, rows in data.under("values").items():
        found += section(data, label, "Decisions", *_scores(rows, DECISIONS), _positive(data, label))
    return found


def _scores(rows: Sequence[Row], wanted: Sequence[str]) -> tuple[Sequence[str | Column], list[tuple[Cell, ...]]]:
    """Columns and cells of those of the wanted metrics that were measured, a row for every network."""
    values: Values = {(row["run"], row["network"], row["metric"]): row for row in rows if row["truth"] == "label"}
    metrics = [name for name in wanted if any(metric == name for _, _, metric in values)]
    networks = {(run, network): row for (run, network, metric), row in values.items() if metric in metrics}
    columns = (*WHO, *(Column(f"{labels.metric(name)}{_interval(name)}", labels.metric(name)) for name in metrics))
    return columns, [
        (*_who(row), *(_value(values.get((row["run"], row["network"], name))) for name in metrics))
        for row in sorted(networks.values(), key=row_order)
    ]


def _positive(data: Data, place: str) -> str:
    """What is looked for at a place."""
    facts = data.rows(f"runs:{place}")[0]
    classes = facts["classes"].split(SEPARATOR)
    if facts["kind"] == "classification" and len(classes) > 2:
        return f"Means over {len(classes)} classes, each against the rest."
    if facts["kind"] == "segmentation" and len(classes) > 1:
        return f"Means over {len(classes)} classes of pixels, each against the rest; balanced accuracy has the background, too."
    return f"Positive is {classes[-1]}{' (pixels)' if facts['kind'] == 'segmentation' else ''}."


# Classes of masks


def _classes(data: Data) -> tuple[Section, ...]:
    """Where masks have several classes: the scores of each, a row for every network and class."""
    found: tuple[Section, ...] = ()
    for label, rows in data.under("values").items():
        names = data.rows(f"runs:{label}")[0]["classes"].split(SEPARATOR)
        values: Values = {(row["run"], row["network"], row["metric"]): row for row in rows if row["truth"] == "label"}
        networks = {(run, network): row for (run, network, metric), row in values.items() if OF_CLASS in metric}
        cells = [
            (
                *_who(row),
                text(name),
                *(
                    _value(values.get((row["run"], row["network"], f"{metric}{OF_CLASS}{number}")))
                    for metric in BY_CLASS
                ),
            )
            for row in sorted(networks.values(), key=row_order)
            for number, name in enumerate(names, 1)
        ]
        titles = (Column(f"{labels.metric(name)}{INTERVAL}", labels.metric(name)) for name in BY_CLASS)
        found += section(data, label, "Classes", (*WHO, "Class", *titles), cells) if cells else ()
    return found


def _interval(metric: str) -> str:
    return "" if metric in WITHOUT_INTERVAL else INTERVAL


def _value(row: Row | None) -> Cell:
    if row is None:
        return number("")
    if row["metric"] in WITHOUT_INTERVAL:
        return number(row["mean"], suffix=" (limit)" if is_known(row["mean"]) and at_limit(float(row["mean"])) else "")
    return with_interval(row["mean"], row["low"], row["high"], digits_of(row["cases"], digits_scale_of(row["metric"])))


def _surfaces(data: Data) -> tuple[Section, ...]:
    """How far the outlines of predicted masks are from the true ones; classifications have none."""
    found: tuple[Section, ...] = ()
    for label, rows in data.under("values").items():
        found += section(data, label, "Surfaces", *_scores(rows, SURFACES))
    return found


# Probabilities


def _probabilities(data: Data) -> tuple[Section, ...]:
    """How far the probabilities of every network are from the truth, and from how often they come true."""
    found: tuple[Section, ...] = ()
    for label, rows in data.under("values").items():
        found += section(data, label, "Probabilities", *_scores(rows, PROBABILITIES))
        found += section(data, label, "Probabilities of regions", *_scores(rows, OF_REGIONS))
    return found


def _referral(data: Data) -> tuple[Section, ...]:
    """What is wrong where the surest cases are decided without a person: by a network's own uncertainty, and by disagreement."""
    found: tuple[Section, ...] = ()
    for label, rows in data.under("values").items():
        found += section(data, label, "Referral", *_scores(rows, REFERRAL))
    return found


def _diversified(data: Data) -> tuple[Section, ...]:
    """What the students' disagreement gains more over a network's own uncertainty under V3 than under V1 and V2."""
    found: tuple[Section, ...] = ()
    for label, rows in data.under("contrasts").items():
        compared = [row for row in rows if row["family"] == OF_REFERRAL and is_known(row["estimate"])]
        gains = {
            (row["run"], row["network"]): row
            for row in data.rows(f"values:{label}")
            if (row["truth"], row["metric"]) == ("label", AURC_GAIN)
        }
        cells = [_compared(row, gains) for row in compared]
        found += section(
            data, label, "Referral and diversified knowledge", DIVERSIFIED, cells, _answer(compared, gains)
        )
    return found


NO_BETTER = "More than under V1 and V2, but not shown to be better than a network's own uncertainty"
Gains = Mapping[tuple[str, str], Row]
"""What disagreement gains over a network's own uncertainty, by run and network."""


def _compared(row: Row, gains: Gains) -> tuple[Cell, ...]:
    strategy, network = STRATEGIES[VARIANTS[row["right"]][1]].title, labels.network(row["network"])
    both = (_value(gains.get((row[side], row["network"]))) for side in ("left", "right"))
    difference = with_interval(row["estimate"], row["low"], row["high"], digits_of(row["cases"]))
    return (
        text(labels.run(row["left"])), text(strategy), text(network), *both, difference, p_value(row["p"]), p_value(row["p_holm"]),
    )  # fmt: skip


def _float(value: str) -> float:
    """A stored number; NaN where there is none."""
    return float(value or "nan")


def _answer(rows: Sequence[Row], gains: Gains) -> str:
    """Whether diversified knowledge is useful for referral, in words: against the others, and a network's own uncertainty."""
    if not rows:
        return ""
    decided = [_float(row["estimate"]) for row in rows if _float(row["p_holm"]) < LEVEL]
    more, less = sum(one > 0 for one in decided), sum(one < 0 for one in decided)
    mine = [gains[key] for key in dict.fromkeys((row["left"], row["network"]) for row in rows) if key in gains]
    useful = sum(_float(row["low"]) > 0 for row in mine)
    if more and less:
        short = "That depends"
    elif more:
        short = ("Yes" if more == len(rows) else "In part") if useful else NO_BETTER
    else:
        short = "No, rather harmful" if less else "Not shown"
    return (
        f"Is diversified knowledge (V3) useful for knowing when to ask a person? {short}: of"
        f" {labels.counted(len(rows), 'comparison')} with V1 and V2, disagreement gains more under V3 in {more}, less in {less},"
        f" and {len(rows) - more - less} are undecided (p after Holm below {LEVEL:g}). Under V3 it is a better signal than the own"
        f" uncertainty of {useful} of {labels.counted(len(mine), 'network')} (interval above 0)."
    )


# Confusion matrices


def _confusion(data: Data) -> tuple[Section, ...]:
    """A row per true class, of the networks trained alone and the proposed variant; where that was not run, of every ensemble."""
    found: tuple[Section, ...] = ()
    for label, rows in data.under("confusion").items():
        named = list(dict.fromkeys(row["predicted"] for row in rows))
        lines: dict[tuple[str, str, str], list[Row]] = {}
        for row in sorted(_shown(rows), key=row_order):
            lines.setdefault((row["run"], row["network"], row["true"]), []).append(row)
        cells = [(*_who(mine[0]), text(mine[0]["true"]), *map(_count, mine)) for mine in lines.values()]
        columns = (*WHO, "True class", *(Column(f"named {name} (%)", f"named {name}") for name in named))
        found += section(data, label, "Confusion", columns, cells)
    return found


def _shown(rows: Sequence[Row]) -> list[Row]:
    proposed = any(row["run"] == PROPOSED for row in rows)
    return [
        row
        for row in rows
        if row["run"] in labels.ALONE or (row["run"] == PROPOSED if proposed else row["network"] == ENSEMBLE)
    ]


def _count(row: Row) -> Cell:
    """How many cases, and which share of the true class's; over several seeds their mean."""
    many = number(row["mean"], f",.{int(row['seeds'] != '1')}f")
    share = number(row["share"], ".1f")
    return Cell(f"{many.text} ({share.text})", many.value, (("share", share.value),))
