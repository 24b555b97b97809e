"""Tables as LaTeX prints them: numbers aligned at the decimal point, never wider than a page.

A page is A4 with margins of 2 cm; a table that is too wide for it is turned. Blocks with the same columns stand in one table.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from kdml.reporting.latex_columns import NUMBER, PAPER, SEPARATION, SetColumn, columns_of, fits, room_of
from kdml.reporting.latex_text import MM, after_number, tex, wrapped
from kdml.reporting.table_model import Block, Cell, Line, Section, Table

PORTRAIT, LANDSCAPE = 170 * MM, 257 * MM
NEEDS = r"% Needs \usepackage{booktabs,longtable,pdflscape,siunitx}, siunitx of version 3, and margins of 2 cm on A4."
SETTINGS = (
    r"\footnotesize",
    rf"\setlength{{\tabcolsep}}{{{SEPARATION}pt}}\setlength{{\LTcapwidth}}{{\linewidth}}",
    r"\sisetup{group-separator={,},group-minimum-digits=4,group-digits=integer,mode=text,reset-text-series=false,",
    r"table-number-alignment=right,table-text-alignment=right,table-align-text-post=false}",
)
SAME_TABLE = r"\addtocounter{table}{-1}% the same table: longtable would count it as one more"
BOLD = 1.2  # times as wide
NUMBERED = re.compile(r"Table (\d+): (.)(.*)", re.DOTALL)


def caption_of(title: str) -> str:
    """A title without the number of a table of the paper, which moves to its end: LaTeX prints a number of its own before it.

    The caption stays a numbered one, so that a text can refer to it by its label.

    Args:
        title: such as `Table 6: classifiers`.
    """
    found = NUMBERED.fullmatch(title)
    return f"{found[2].upper()}{found[3]} (table {found[1]} of the paper)" if found else title


def printed(table: Table, title: str, notes: Sequence[str], label: str) -> str:
    """LaTeX of a table, to be put into a document by `input`.

    Args:
        table: as a reader is shown it.
        title: above it.
        notes: the first stands in the caption, the others below the table.
        label: to refer to it, after `tab:`.
    """
    blocks = [block for section in table.sections for block, _ in _together(section)]
    turned = not all(fits(block, PORTRAIT) for block in blocks)
    content = "\n".join(_content(table, title, notes, label, LANDSCAPE if turned else PORTRAIT))
    around = (r"\begin{landscape}", content, r"\end{landscape}") if turned else (content,)
    return "\n".join((NEEDS, *around, ""))


def _content(table: Table, title: str, notes: Sequence[str], label: str, page: float) -> Iterator[str]:
    """A caption, the tables of all sections, and notes; the caption of a single section is part of its first table."""
    yield "{" + "\n".join(SETTINGS)
    alone = len(table.sections) == 1
    said = [f"{section.title}." for section in table.sections if alone and section.title]
    caption = rf"\caption{{{' '.join(map(tex, (f'{caption_of(title)}.', *notes[:1], *said)))}}}\label{{tab:{label}}}"
    if not alone:
        yield rf"\setlength{{\LTleft}}{{0pt}}\makeatletter\def\@captype{{table}}\makeatother{caption}\nopagebreak"
    for section in table.sections:
        for number, (block, parts) in enumerate(_together(section)):
            above = "" if number else _title(section.title, page, block)
            yield from _longtable(
                block, parts, page, rf"{caption}\\" if alone and not number else "", "" if alone else above
            )
        yield from (rf"\noindent {tex(note)}\par" for note in section.notes)
    yield from (rf"\noindent {tex(note)}\par" for note in (*notes[1:], *_legend(table)))
    yield "}"


def _title(title: str, page: float, block: Block) -> str:
    """A section's title in lines above its first table, however narrow that is."""
    span = len(block.columns) + block.headed
    lines = wrapped(title, page / BOLD)
    return "\n".join(
        rf"\multicolumn{{{span}}}{{@{{}}l}}{{\rlap{{\textbf{{{tex(line)}}}}}}} \\*[.5ex]" for line in lines
    )


def _legend(table: Table) -> Iterator[str]:
    """What marks mean, where there are any."""
    if table.has_paper:
        yield "Below ours: the paper's mean ± SD of 3 runs."
    if table.has_best:
        yield "Bold: the best ensemble of its block; ★: of the table."


def _together(section: Section) -> Iterator[tuple[Block, list[Block]]]:
    """Blocks next to each other with the same columns: as one block with all their rows, and apart."""
    for _, found in groupby(section.blocks, key=_columns_above):
        parts = list(found)
        lines = tuple(line for part in parts for line in part.lines)
        yield replace(parts[0], lines=lines, title=parts[0].title if len(parts) == 1 else ""), parts


def _columns_above(block: Block) -> tuple:
    groups = tuple((group.title, tuple(column.title for column in group.columns)) for group in block.groups)
    return block.headed, groups


# One longtable


def _longtable(block: Block, parts: Sequence[Block], page: float, caption: str, above: str) -> Iterator[str]:
    columns = columns_of(block, page)
    yield rf"\begin{{longtable}}{{@{{}}{''.join(column.specification for column in columns)}@{{}}}}"
    headings = "\n".join((r"\toprule", *_group_headings(block, columns), *_headings(columns), r"\midrule"))
    if caption or above:
        yield "\n".join((*filter(None, (caption, above)), headings, r"\endfirsthead"))
    yield headings + "\n" + r"\endhead"
    for number, part in enumerate(parts):
        if len(parts) > 1:
            yield r"\addlinespace" if number else ""
            yield rf"\multicolumn{{{len(columns)}}}{{@{{}}l}}{{\emph{{{tex(part.title)}}}}} \\*"
        for line in part.lines:
            yield from _rows(line, columns, block.headed)
    yield r"\bottomrule" + "\n" + r"\end{longtable}"
    if not caption:
        yield SAME_TABLE


def _headings(columns: Sequence[SetColumn]) -> Iterator[str]:
    depth = max(len(column.heading) for column in columns)
    for row in range(depth):
        words = [("",) * (depth - len(column.heading)) + column.heading for column in columns]
        yield " & ".join(f"{{{tex(lines[row])}}}" if lines[row] else "" for lines in words) + r" \\"


def _group_headings(block: Block, columns: Sequence[SetColumn]) -> Iterator[str]:
    if not block.has_groups:
        return
    first = start = int(block.headed)
    headings, rules = [], []
    for group in block.groups:
        end = start + len(group.columns)
        headings.append((len(group.columns), wrapped(group.title, room_of(columns[start:end]))))
        rules.append(rf"\cmidrule(lr){{{start + 1}-{end}}}")
        start = end
    depth = max(len(lines) for _, lines in headings)
    for row in range(depth):
        cells = [""] * first
        for count, lines in headings:
            word = ("",) * (depth - len(lines)) + lines
            cells.append(rf"\multicolumn{{{count}}}{{{'r' if count == 1 else 'c'}}}{{{tex(word[row])}}}")
        yield " & ".join(cells) + r" \\"
    yield "".join(rules)


def _rows(line: Line, columns: Sequence[SetColumn], headed: bool) -> Iterator[str]:
    """A row of ours, and below it one of the paper's."""
    numbers = [column.is_number for column in columns[headed:]]
    ours = [
        _aligned(cell.text, cell) if kind else tex(cell.text) for cell, kind in zip(line.cells, numbers, strict=True)
    ]
    two = headed and line.has_paper
    yield " & ".join(([tex(line.title)] if headed else []) + ours) + (r" \\*" if two else r" \\")
    if two:
        yield " & ".join((rf"\quad {PAPER.strip()}", *(_aligned(cell.paper) for cell in line.cells))) + r" \\"


def _aligned(text: str, marks: Cell | None = None) -> str:
    """A cell of a column that is aligned at the decimal point: the number, and in braces what follows it."""
    found = NUMBER.fullmatch(text)
    if found is None:
        return f"{{{tex(text)}}}" if text else ""
    sign, whole, decimals, rest = found.groups()
    number = f"{'-' if sign else ''}{whole.replace(',', '')}{f'.{decimals}' if decimals else ''}"
    behind = after_number(rest) + (r"\,$\star$" if marks and marks.best else "")
    bold = r"\bfseries " if marks and marks.best_of_block else ""
    return bold + number + (rf"{{\normalfont{behind}}}" if behind else "")
