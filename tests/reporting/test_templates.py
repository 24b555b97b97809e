"""Texts of the user's are shown as they are in every form, and can do nothing there."""

import html
import re
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment

from kdml.common.errors import UserError
from kdml.common.project import ROOT
from kdml.reporting.cells import text
from kdml.reporting.latex import printed
from kdml.reporting.latex_text import one_line, tex
from kdml.reporting.table_model import Block, Cell, Column, Group, Line, Section, Table, plain
from kdml.reporting.templates import fill, markdown, write_table

NASTY = "a {b} | *c* _d_ <script> \\ $x$ `e` [f](g) .. include:: /etc/passwd"
LINES = ".. include:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\n:math:`x` |sub| `role <http://a.b>`_ http://c.d\u2028.. note:: x"


def table(words=NASTY):
    """A table that has the same words wherever words can stand."""
    cell = Cell(words, words, paper=words, best=True, best_of_block=True)
    group = Group((Column(words, "m"),), words, "g")
    headed = Block((group,), (Line((cell,), words, "n"),), words, "b", headed=True)
    sortable = Block((Group((Column(words),)),), (Line((cell,)),))
    return Table((Section((headed, sortable), words, "p", (words,)),), (words,))


def filled(suffix, words):
    if suffix == "tex":
        return printed(table(words), words, [words, words], "nasty")
    return fill(f"table.{suffix}.j2", title=words, notes=[words], table=table(words))


@pytest.mark.parametrize("words", [NASTY, LINES, "1. not a list", "# no heading", "- no list", "---", "[a]: b"])
def test_markdown_stays_words(words):
    shown = markdown(words)
    assert "\n" not in shown and re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown) == one_line(words)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<`*_$]", shown) and "](" not in shown
    assert not re.match(r"(?:\d+[.)]|[-+#=\[])", shown)


def test_numbers_in_markdown_are_left_alone():
    for shown in ("96.68 ± 0.584", "−0.20 [−0.30, 0.10]", "KD (off) V1", "50.0 %", "–"):
        assert markdown(shown) == shown


def test_markdown_tables_stay_regular():
    lines = [line for line in filled("md", NASTY).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {2, 3} and len(
        lines
    ) == 7  # one of them of the paper


def test_latex_prints_what_stands_there():
    assert tex("a\\{b}") == r"a\textbackslash{}\{b\}" and tex("x\n\ny") == "x y"
    assert tex("a & 5 % #1 $x$ _ ^ ~") == r"a \& 5 \% \#1 \$x\$ \_ \textasciicircum{} \textasciitilde{}"
    assert tex("[3×3] * α′ ± 1 <2> |") == r"{[}3$\times$3{]} {*} $\alpha'$ $\pm$ 1 $<$2$>$ \textbar{}"
    written = filled("tex", NASTY)
    assert "<script>" not in written and r"\textbackslash{} \$x\$" in written
    assert written.count("{") - written.count(r"\{") == written.count("}") - written.count(r"\}")


def test_html_is_escaped():
    written = filled("html", NASTY)
    assert html.escape(NASTY) in written and written.count("<script>") == 2  # that sorts, and that unfolds


CAPTIONS = {"item": "caption", "beside": "beside", "curves": "curves", "runs": "runs"}  # file -> parameter of the rule


def caption(name, words):
    """Text of a caption file, filled as Snakemake does, with links behind it as it adds them."""
    source = (ROOT / "workflow/report" / f"{name}.rst").read_text() + "\n\n.. _link: target\n"
    template = Environment(trim_blocks=True, lstrip_blocks=True).from_string(source)
    return template.render(snakemake=SimpleNamespace(params=SimpleNamespace(**{CAPTIONS[name]: words})))


@pytest.mark.parametrize("name", CAPTIONS)
@pytest.mark.parametrize("words", [NASTY, LINES, "A.\n\n- b\n\n====\n", "{{ 7 * 7 }} {% raw %}", "ends with ::", ""])
def test_captions_of_the_report_run_nothing(name, words):
    settings = {"report_level": 2, "halt_level": 2}
    done = publish_parts(caption(name, words), writer="html", settings_overrides=settings)
    shown = re.sub(r"</?(?:p|div)\b[^>]*>", "", done["body"])
    assert "<" not in shown and html.unescape(shown).strip() == " ".join(words.split())


def test_all_captions_that_take_words_are_tested():
    files = (ROOT / "workflow/report").glob("*.rst")
    assert {path.stem for path in files if "snakemake" in path.read_text()} == set(CAPTIONS)


def test_forms_are_told_by_the_files_names(tmp_path):
    simple = plain(("A",), [(text("b"),)], ("note",))
    write_table(simple, "T", "C.", "", [tmp_path / "t.md", tmp_path / "t.csv"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.md"]
    assert (tmp_path / "t.csv").read_text().split() == ["A", "b"] and "C.\n\nnote\n" in (tmp_path / "t.md").read_text()
    with pytest.raises(UserError, match=r"t\.doc has no known form"):
        write_table(simple, "T", "C.", "", [tmp_path / "t.doc"])
