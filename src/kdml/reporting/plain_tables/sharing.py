"""Table 1: what passes on each edge."""

from collections import defaultdict

from kdml.reporting import labels
from kdml.reporting.cells import text
from kdml.reporting.data import Data
from kdml.reporting.table_model import Table, plain
from kdml.runs.graph import TEACHER


def table(data: Data) -> Table:
    """Kinds of knowledge by variant and edge.

    Args:
        data: the file `graphs`.
    """
    graphs = data.graphs()
    edges = list(dict.fromkeys((source, learner) for graph in graphs.values() for source, learner, _ in graph))
    edges.sort(key=lambda edge: (edge[0] != TEACHER, edge))
    columns = ("Variant", *(f"{labels.network(source)} → {labels.network(learner)}" for source, learner in edges))
    rows = []
    for name, graph in graphs.items():
        passed = defaultdict(list)
        for source, learner, knowledge in graph:
            passed[source, learner].append(knowledge)
        rows.append((text(labels.run(name)), *(text(" + ".join(passed[edge]) or "–") for edge in edges)))
    return plain(columns, rows)
