"""Subgroups by what is known of the pictures: values, bands of numbers, and what forms none."""

import numpy as np
import pandas as pd
import pytest

from kdml.analysis import subgroups
from kdml.common.errors import UserError


def index(**columns):
    return pd.DataFrame({f"metadata_{name}": values for name, values in columns.items()})


def test_few_values_are_subgroups_and_missing_ones_are_one_together():
    found = subgroups.of_index(index(site=["back", "", "unknown", "NaN", "face"], code=["1", "2", "1", "2", ""]))
    assert found["metadata_site"].tolist() == ["back", "unknown", "unknown", "unknown", "face"]
    assert found["metadata_code"].tolist() == ["1", "2", "1", "2", "unknown"]


def test_age_is_in_bands_of_twenty_years_however_few_ages_there_are():
    assert subgroups.of_index(index(age=["0", "19.9", "20", "85", "none"]))["metadata_age"].tolist() == [
        "0–19", "0–19", "20–39", "80–99", "unknown",
    ]  # fmt: skip


def test_many_numbers_are_in_thirds_of_the_pictures():
    found = subgroups.of_index(index(dose=[str(value) for value in range(1, 31)]))["metadata_dose"]
    names, counts = np.unique(found, return_counts=True)
    assert len(names) == 3 and counts.tolist() == [10, 10, 10] and found[0].startswith("up to")


def test_texts_of_many_values_and_columns_of_one_form_none():
    many = [f"patient {number}" for number in range(13)]
    assert subgroups.of_index(index(note=many, alike=["x"] * 13)) == {}
    assert set(subgroups.of_index(index(note=many[:12], alike=["x"] * 12))) == {"metadata_note"}


def test_rows_are_found_in_the_index_or_named(tmp_path):
    table = pd.DataFrame({"row": [5, 2, 9], "metadata_sex": ["f", "m", ""]})
    table.to_parquet(tmp_path / "index.parquet")
    found = subgroups.of_rows(tmp_path / "index.parquet", np.array([9, 5]))
    assert found["metadata_sex"].tolist() == ["unknown", "f"]
    with pytest.raises(UserError, match="lacks the row 7"):
        subgroups.of_rows(tmp_path / "index.parquet", np.array([9, 7]))
    (tmp_path / "index.parquet").write_text("no table")
    with pytest.raises(UserError, match="not a readable Parquet"):
        subgroups.of_rows(tmp_path / "index.parquet", np.array([9]))
