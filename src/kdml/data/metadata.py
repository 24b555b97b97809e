"""Metadata of the paper's data sets: which columns of the archives' tables are kept, and under which names."""

from collections.abc import Mapping

# Name of the metadata -> column of the table. Values stay as they are there; LGG's data.csv has codes without a key.
HAM10000 = {"sex": "sex", "age": "age", "site": "localization", "dx_type": "dx_type"}
LGG = {
    "sex": "gender",
    "age": "age_at_initial_pathologic",
    "location": "tumor_location",
    "histology": "histological_type",
    "grade": "neoplasm_histologic_grade",
}
# Of these, what the archive has codes of, and no key to them: by data set.
WITHOUT_KEY: Mapping[str, tuple[str, ...]] = {"lgg": ("sex", "location", "histology", "grade")}


def taken(row: Mapping[str, str], columns: Mapping[str, str], header: Mapping[str, str]) -> dict[str, str]:
    """Take the metadata of a picture from a row.

    Args:
        row: of the table; empty where the table has none for the picture.
        columns: of the table, by name of the metadata.
        header: any row of the table, which says which of the columns it has.

    Returns:
        Values by name, empty ones where they are missing; nothing of columns that the table lacks.
    """
    return {name: row.get(column, "") for name, column in columns.items() if column in header}
