"""Measures of things that are counted one by one: test cases, or regions of the true masks."""

from collections.abc import Iterable, Sequence

import numpy as np

from kdml.analysis.counts import Measure, OfCounts


def groups_counted(measures: Iterable[Measure]) -> int:
    """Fewest groups with a case that could count, of shares of things that are counted one by one; 0 of other measures.

    Args:
        measures: of one metric, by seed.
    """
    return min(
        int((~np.isnan(one.metric(one.counts))).sum()) if isinstance(one, OfCounts) and one.is_count else 0
        for one in measures
    )


def things_to_find(metric: str, measures: Sequence[Measure]) -> dict[str, str]:
    """How large regions are, and how many there were to find; from the fewest to the most where seeds have splits of their own."""
    if not metric.startswith("found"):
        return {}
    both = [counted(measure) for measure in measures]
    counts = sorted({int(one.counts[:, 1].sum()) for one in both})
    return {"of": f"{counts[0]}–{counts[-1]}" if counts[1:] else str(counts[0]), "sizes": both[0].sizes}


def counted(measure: Measure) -> OfCounts:
    """Take a measure as one of counts.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(measure, OfCounts):
        raise TypeError(f"{measure} is not computed from counts")
    return measure
