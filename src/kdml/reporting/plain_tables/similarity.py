"""Mean CKA over the higher layers of two networks."""

from kdml.reporting import labels
from kdml.reporting.cells import number, text
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import by_place
from kdml.reporting.table_model import Table

MIXED = "runs of several versions of the training code"
COLUMNS = ("Variant", "Networks", "Mean CKA", "SD", "Seeds", "Remark")


def table(data: Data) -> Table:
    """Mean CKA by variant and pair of networks.

    Args:
        data: files `similarity:PLACE`, means over seeds, and `runs:PLACE`.
    """
    rows = {
        label: [
            (
                text(labels.run(row["run"])), text(labels.network(f"{row['first']}-{row['second']}")),
                number(row["mean"], ".3f"), number(row["std"], ".3f"), number(row["seeds"], ".0f"),
                text("; ".join(filter(None, (row["remark"], MIXED if " " in row["code_hash"] else "")))),
            )
            for row in sorted(found, key=lambda row: (labels.run_order(row["run"]), row["first"], row["second"]))
        ]
        for label, found in data.under("similarity").items()
    }  # fmt: skip
    return by_place(data, COLUMNS, rows)
