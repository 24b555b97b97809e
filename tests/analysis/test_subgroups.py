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


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("Gender", "sex"), ("age_years", "age"), ("Age (years)", "age"), ("localization", "site"), ("anatom_site_general", "site"),
        ("Tumor-Location", "site"), ("hospital", "institution"), ("centre", "institution"), ("scanner site", "institution"),
        ("stage", None), ("language", None), ("website", None),
    ],
)  # fmt: skip
def test_what_a_clinic_asks_of_first_is_known_by_its_usual_names(tmp_path, column, what):
    index(**{column: ["3", "55"]}).assign(row=[0, 1]).to_parquet(tmp_path / "index.parquet")
    assert subgroups.usual(column) == what
    missing = subgroups.recorded(tmp_path / "index.parquet")["missing"]
    assert missing == [name for name in subgroups.USUAL if name != what]


def test_an_age_is_banded_under_all_its_names():
    found = subgroups.of_index(index(age_years=["3", "55"], dose=["3", "55"]))
    assert found["metadata_age_years"].tolist() == ["0–19", "40–59"] and found["metadata_dose"].tolist() == ["3", "55"]


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
