"""Tables 6 and 7: layers of teacher and student."""

from kdml.reporting.cells import text
from kdml.reporting.data import Data
from kdml.reporting.table_model import Table, plain

NOTE = "[...] × n: n such blocks one after the other. dw: depthwise. Shortcuts are left out."
HEADINGS = {"part": "Part", "output": "Output"}


def table(data: Data) -> Table:
    """Layers by part and output size.

    Args:
        data: the file `layers`.
    """
    rows = data.rows("layers")
    columns = tuple(rows[0])
    return plain(
        [HEADINGS.get(column, column) for column in columns],
        [tuple(text(row[column]) for column in columns) for row in rows],
        (NOTE,),
    )
