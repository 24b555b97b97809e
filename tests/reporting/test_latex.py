"""LaTeX of every table: it compiles, fits a page, is numbered by LaTeX alone, and its numbers are aligned."""

import re

import pytest
from reporting.large_tables import LONG, tables
from reporting.typeset import compiled, overfull, widths

from kdml.reporting.cells import number, text, with_interval
from kdml.reporting.latex import LANDSCAPE, PORTRAIT, caption_of, printed
from kdml.reporting.latex_columns import fits
from kdml.reporting.latex_text import width
from kdml.reporting.table_layout import shown
from kdml.reporting.table_model import Block, Cell, Column, Group, Line, Section, Table, plain


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """LaTeX of every kind of table, those on upright pages first."""
    made = tables(tmp_path_factory.mktemp("large"))
    texts = [printed(shown(table), f"Table 3: {LONG}", ["A caption.", "A note."], name) for name, table in made.items()]
    return sorted(texts, key=is_turned)


@pytest.fixture(scope="module")
def document(large, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("document"), large)


def is_turned(written):
    return r"\begin{landscape}" in written


def test_every_table_compiles_and_fits_its_page(large, document):
    log, aux = document
    assert overfull(log) == []
    found = widths(aux)
    pages = [
        LANDSCAPE if is_turned(text) else PORTRAIT for text in large for _ in range(text.count(r"\begin{longtable}"))
    ]
    assert len(found) == len(pages) and {PORTRAIT, LANDSCAPE} == set(pages)
    assert all(width <= page for width, page in zip(found, pages, strict=True))


def test_tables_count_once_each(large, document):
    """However many parts a table has; the paper's number is none of LaTeX's."""
    numbers = re.findall(r"\\newlabel\{tab:\w+\}\{\{(\d+)\}", document[1])
    assert numbers == [str(place + 1) for place in range(len(large))]


def test_tables_fit_by_their_estimated_widths(tmp_path):
    """Also where no LaTeX is installed."""
    for name, table in tables(tmp_path).items():
        for block in shown(table).blocks():
            assert fits(block, LANDSCAPE), f"{name}: {block.title}"


def test_estimated_widths_are_no_smaller_than_the_set_ones(tmp_path):
    signs = "The quick brown fox jumps over the LAZY DOG 0123456789.,:;[]()±−×% MWQ KD (off) + ML V3"
    said = [
        text(sign)
        for sign in (signs, signs.upper(), signs.lower(), "1234567890" * 3, "[−14.3, −12.9] ± 0.123", "α′ β γ")
    ]
    _, aux = compiled(tmp_path, [printed(plain(("A",), [(cell,)]), "T", [], "t") for cell in said])
    for found, cell in zip(widths(aux), said, strict=True):
        assert found <= max(width(cell.text), width("A")) < 1.6 * found, cell.text


def test_captions_leave_the_number_to_latex():
    assert caption_of("Table 6: classifiers") == "Classifiers (table 6 of the paper)"
    assert caption_of("Regions found, by size") == "Regions found, by size"
    assert not re.search(r"\\caption\{Table", printed(plain(("A",), [(text("b"),)]), "Table 6: classifiers", [], "t"))


def test_numbers_are_aligned_at_the_point_and_keep_what_follows():
    cells = [
        (text("a"), with_interval(-70.83, -83, -57)),
        (text("b"), number("")),
        (text("c"), number(1234567, ",.0f")),
    ]
    written = printed(plain(("Run", "Score [95 %]"), cells), "T", ["C."], "t")
    assert r"S[table-format=-7.1,table-space-text-post={\normalfont\,{[}$-$83, $-$57{]}}]" in written
    assert r"a & -70.8{\normalfont\,{[}$-$83, $-$57{]}} \\" in written
    assert r"b & {--} \\" in written and r"c & 1234567 \\" in written


def test_the_papers_numbers_stand_below_ours():
    group = Group((Column("IoU", "iou"),), "V1", "v1")
    line = Line((Cell("60.9", 60.9, paper="80.57 ± 1.697†", best=True, best_of_block=True),), "S1", "s1")
    written = printed(Table((Section((Block((group,), (line,), "ML", "ml", headed=True),)),)), "T", [], "t")
    assert r"S1 & \bfseries 60.9{\normalfont\,$\star$} \\*" in written
    assert r"\quad paper & 80.57{\normalfont\,$\pm$ 1.697\dag{}} \\" in written
