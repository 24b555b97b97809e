"""Numbers in cells: as many digits as the test cases bear, a real minus, an interval that shows where it lies."""

import math

import pytest

from kdml.reporting.cells import by_seed, digits_of, measured, number, p_value, papers, text, with_interval
from kdml.reporting.table_model import Column, plain

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("cases", "digits"), [(9, 0), (19, 0), (20, 1), (48, 1), ("140", 1), (999, 1), (3000, 2), ("19–26", 0)]
)
def test_digits_follow_the_number_of_cases(cases, digits):
    assert digits_of(cases) == digits
    assert digits_of(cases, scale=1.0) == digits + 2  # nats, not percent


@pytest.mark.parametrize(
    ("values", "digits", "shown"),
    [
        ((70.8333, 57.1, 83.2), 1, "70.8 [57, 83]"),
        ((96.684, 96.02, 97.31), 2, "96.68 [96.0, 97.3]"),
        ((75, 40, 100), 0, "75 [40, 100]"),
        ((99.76, 99.61, 99.9), 1, "99.8 [99.6, 99.9]"),  # narrow: whole percents would say 100 to 100
        ((9.3, 0.4, 18.2), 1, "9.3 [0.4, 18.2]"),  # a zero would not say on which side the interval lies
        ((-7.857, -14.29, -1.43), 1, f"{MINUS}7.9 [{MINUS}14, {MINUS}1]"),
        ((-1e-9, -4, 4), 1, f"0.0 [{MINUS}4, 4]"),
        ((1, "", ""), 1, "1.0"),
        ((100, "nan", "nan"), 1, "100.0 [–]"),
        ((0, 0, 0), 2, "0.00 [–]"),  # an interval without width says nothing of other cases
        (("", 1, 2), 1, "–"),
    ],
)
def test_an_estimate_and_its_interval(values, digits, shown):
    cell = with_interval(*values, digits)
    assert cell.text == shown and "-" not in cell.text
    if shown != "–":
        assert cell.value == values[0] and [stored for _, stored in cell.more] == [
            end for end in values[1:] if end not in ("", "nan")
        ]


def test_one_seed_has_its_interval_and_several_a_spread():
    row = {"mean": "70.833", "std": "nan", "low": "57", "high": "83"}
    assert measured(row, 1).text == "70.8 [57, 83]"
    several = measured(row | {"std": "1.26"}, 1)
    assert several.text == "70.8 ± 1.3" and dict(several.more) == {"sd": 1.26, "low": 57, "high": 83}
    assert measured(row | {"mean": "nan"}, 1).text == "–"


def test_the_papers_numbers_keep_their_digits():
    assert papers((96.68, 0.584)) == "96.68 ± 0.584" and papers((80.57, 1.697), doubtful=True) == "80.57 ± 1.697†"


def test_other_numbers():
    assert number("").text == "–" and number("1234", ",.0f").text == "1,234" and number(math.nan).text == "–"
    assert number("-0.2").text == f"{MINUS}0.20" and number("-0.001").text == "0.00"
    assert p_value("0.0001").text == "< 0.001" and p_value("").text == "–"
    assert by_seed("0.3 3e-5", p_value).text == "0.300, < 0.001" and by_seed("0.3 3e-5", p_value).value == "0.3 3e-5"
    assert by_seed("3e-5", p_value).value == 3e-5 and by_seed("", p_value).text == "–"


def test_every_number_is_stored_in_a_column_of_its_own():
    cells = ((text("a"), with_interval("1", "0", "2")), (text("b"), number("")))
    columns, rows = plain(("Run", Column("Score [95 %]", "Score")), cells).stored()
    assert columns == ["Run", "Score", "Score low", "Score high"]
    assert rows[0] == {"Run": "a", "Score": 1, "Score low": 0, "Score high": 2} and "Score low" not in rows[1]
