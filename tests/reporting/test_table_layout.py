"""What a reader is shown of a table: nothing twice, nothing too wide; what is stored stays whole."""

import re

import pytest
from reporting.large_tables import tables

from kdml.reporting.cells import number, text
from kdml.reporting.table_layout import ON_PAGE, ON_SCREEN, shown
from kdml.reporting.table_model import Block, Cell, Column, Group, Line, Section, Table, plain, plain_block
from kdml.reporting.templates import write_table

DEPARTS = "2,000 of 20,000 images; at most 3 epochs (200 in the paper)"


def titles(block):
    return [column.title for column in block.columns]


def test_a_column_with_one_value_goes_into_a_note():
    rows = [(text(run), number(1, ".0f"), text(""), number(score)) for run, score in (("a", 1), ("b", 2))]
    table = plain(("Run", "Seeds", "Remark", "Score"), rows, ("A note.",))
    (block,) = shown(table).blocks()
    assert titles(block) == ["Run", "Score"] and shown(table).notes == ("A note.", "The same in every row: Seeds = 1.")
    assert table.stored()[0] == ["Run", "Seeds", "Remark", "Score"]


def test_a_single_row_keeps_its_columns():
    table = plain(("Run", "Seeds"), [(text("a"), number(1))])
    assert shown(table) == table


def test_a_column_with_one_value_in_one_section_is_noted_there():
    parts = [[("a", "x"), ("b", "x")], [("a", "x"), ("b", "y")]]
    sections = [Section((plain_block(("Run", "Test"), [tuple(map(text, row)) for row in rows]),)) for rows in parts]
    first, second = shown(Table(tuple(sections))).sections
    assert titles(first.blocks[0]) == ["Run"] and first.notes == ("The same in every row: Test = x.",)
    assert titles(second.blocks[0]) == ["Run", "Test"] and second.notes == ()


def test_long_words_of_several_rows_stand_once_in_a_note():
    said = [DEPARTS, f"{DEPARTS}, too", DEPARTS, f"{DEPARTS}, too"]
    table = plain(("Run", "Departs"), [(text(f"{DEPARTS} {place}"), text(one)) for place, one in enumerate(said)])
    (section,) = shown(table).sections
    assert [line.cells[1].text for line in section.blocks[0].lines] == ["a", "b", "a", "b"]
    assert section.notes == (f"Departs: (a) {DEPARTS}; (b) {DEPARTS}, too.",)
    assert [row["Departs"] for row in table.stored()[1]] == said


def headed(groups, metrics):
    columns = tuple(Column(metric, metric) for metric in metrics)
    cells = tuple(Cell(f"{group} {metric}", 1.0) for group in groups for metric in metrics)
    return Block(
        tuple(Group(columns, group, group) for group in groups), (Line(cells, "S1", "s1"),), "ML", "ml", headed=True
    )


def test_a_wide_block_is_split_by_metric():
    parts = list(shown(Table((Section((headed(("V1", "V2", "V3"), ("Precision", "Recall", "Accuracy")),)),))).blocks())
    assert [part.title for part in parts] == ["ML: Precision", "ML: Recall", "ML: Accuracy"]
    assert all(titles(part) == ["V1", "V2", "V3"] for part in parts)
    assert [cell.text for cell in parts[1].lines[0].cells] == ["V1 Recall", "V2 Recall", "V3 Recall"]


def test_a_block_of_many_groups_is_split_between_them():
    table = Table((Section((headed([f"own {n}" for n in range(7)], ("IoU",)),)),))
    parts = list(shown(table).blocks())
    assert [len(part.columns) for part in parts] == [6, 1]
    assert [cell.text for part in parts for cell in part.lines[0].cells] == [f"own {n} IoU" for n in range(7)]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return tables(tmp_path_factory.mktemp("large"))


@pytest.mark.parametrize("most", [ON_PAGE, ON_SCREEN])
def test_no_table_shows_a_constant_column_or_too_many(large, most):
    for name, table in large.items():
        laid = shown(table, most)
        for block in laid.blocks():
            assert not block.headed or len(block.columns) <= most or len(block.groups) == 1, name
        columns = {}
        for block in laid.blocks():
            for place, title in enumerate([] if block.headed or len(block.lines) < 2 else titles(block)):
                columns.setdefault(title, []).extend(line.cells[place].text for line in block.lines)
        assert not [title for title, texts in columns.items() if len(set(texts)) == 1], name


def test_numbers_have_a_real_minus_and_stand_at_the_right(large, tmp_path):
    """Headings stand with them."""
    for name, table in large.items():
        files = {suffix: tmp_path / f"{name}.{suffix}" for suffix in ("md", "html")}
        write_table(table, name, "", "", files.values())
        written = {suffix: path.read_text() for suffix, path in files.items()}
        assert not any(re.search(r"(?:^|[\[ ])-\d", cell.text) for cell in table.cells()), name
        rules = re.findall(r"^\|(?:-+:?\|)+$", written["md"], flags=re.M)
        blocks = list(shown(table).blocks())
        assert [rule.count("---:") for rule in rules] == [sum(block.numbers) for block in blocks], name
        heads = len(re.findall(r'<th scope="col" class="number">', written["html"]))
        assert heads == sum(sum(block.numbers) for block in shown(table, ON_SCREEN).blocks()), name


def test_places_have_real_headings(large, tmp_path):
    for name in ("contrasts", "detection", "similarity", "compression", "table_10", "comparison"):
        write_table(large[name], name, "", "", [tmp_path / "t.md"])
        headings = re.findall(r"^## (.*)$", (tmp_path / "t.md").read_text(), flags=re.M)
        assert len(headings) == len(set(headings)) > 1 and all(", split by " in heading for heading in headings), name
