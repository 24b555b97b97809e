"""Tables as LaTeX prints them: texts made safe, columns aligned at the decimal point, as wide as a page at most.

Widths are estimated from letters, so that a table fits wherever it is compiled. A page is A4 with margins of 2 cm; a table too wide
for it stands on a page of its own, turned.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kdml.reporting.table_model import MINUS, Block, Cell, Line, Table

MM = 72.27 / 25.4  # points
PORTRAIT, LANDSCAPE = 170 * MM, 257 * MM
SEPARATION = 3.0  # on each side of a column
NARROWEST = 12 * MM  # of a column of words that is broken into lines
WIDEST_HEADING = 45 * MM  # of a row
# Of 8-point Computer Modern, rounded up.
WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!()[]/ tfrI-", 3.4),
    **dict.fromkeys("mwMWQO%@", 8.0),
    **dict.fromkeys("±×→<>+=" + MINUS, 7.2),
}
CAPITAL, OTHER = 6.6, 4.75
PACKAGES = r"\usepackage{booktabs,longtable,pdflscape,siunitx} % siunitx 3"
SETTINGS = (
    "group-separator={,},group-minimum-digits=4,group-digits=integer,mode=text,reset-text-series=false,table-number-alignment=right,"
    "table-text-alignment=right,table-align-text-post=false,table-align-text-pre=false"
)
# What LaTeX would read as a command, and letters that its default fonts lack. Brackets and stars behind a line's end would be its
# arguments, so braces hold them.
SIGNS = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "|": r"\textbar{}",
        "`": r"\textasciigrave{}",
        "[": "{[}",
        "]": "{]}",
        "*": "{*}",
        "<": r"$<$",
        ">": r"$>$",
        "±": r"$\pm$",
        "×": r"$\times$",
        "→": r"$\to$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "★": r"$\star$",
        "†": r"\dag{}",
        "–": "--",
        MINUS: "$-$",
        "“": "``",
        "”": "''",
        "…": r"\ldots{}",
        "′": "$'$",
    }
)
GREEK = {"α": r"\alpha", "β": r"\beta", "γ": r"\gamma"}
NUMBERED = re.compile(r"Table (\d+): (.)(.*)", re.DOTALL)
NUMBER = re.compile(rf"({MINUS}?)(\d[\d,]*)(?:\.(\d+))?(?![\d.])(.*)")


def one_line(value: Any) -> str:
    """A text without line breaks and other control characters."""
    spaced = " ".join(str(value).split())
    return "".join(sign for sign in spaced if sign.isprintable())


def tex(value: Any) -> str:
    """A text that LaTeX prints as it is."""
    parts = re.split(f"([{''.join(GREEK)}]′*)", one_line(value))
    return "".join(_greek(part) if part[:1] in GREEK else part.translate(SIGNS) for part in parts)


def _greek(letter: str) -> str:
    primes = "'" * (len(letter) - 1)
    return f"${GREEK[letter[0]]}{primes}$"


def width(text: str) -> float:
    """Width of a text in points, at the size of tables, rather too large than too small."""
    return sum(WIDTHS.get(sign, CAPITAL if sign.isupper() else OTHER) for sign in text)


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
        notes: below the title; the first is the caption.
        label: to refer to it, after `tab:`.
    """
    page = next(
        (page for page in (PORTRAIT, LANDSCAPE) if all(_fits(block, page) for block in table.blocks())), LANDSCAPE
    )
    content = "\n".join(_content(table, title, notes, label, page))
    turned = (r"\begin{landscape}", content, r"\end{landscape}") if page == LANDSCAPE else (content,)
    return "\n".join((f"% Needs {PACKAGES}", *turned, ""))


def _content(table: Table, title: str, notes: Sequence[str], label: str, page: float) -> Iterator[str]:
    yield rf"{{\footnotesize\setlength{{\tabcolsep}}{{{SEPARATION}pt}}\setlength{{\LTcapwidth}}{{\linewidth}}"
    yield rf"\sisetup{{{SETTINGS}}}"
    caption = rf"\caption{{{tex(caption_of(title))}. {' '.join(map(tex, notes[:1]))}}}\label{{tab:{label}}}\\"
    for section in table.sections:
        if section.title:
            yield rf"\medskip\noindent\textbf{{{tex(section.title)}}}\par\nopagebreak"
        yield from (rf"\noindent {tex(note)}\par\nopagebreak" for note in section.notes)
        for block in section.blocks:
            yield from _longtable(block, page, caption)
            caption = ""
    yield from (rf"\noindent {tex(note)}\par" for note in (*notes[1:], *_legend(table)))
    yield "}"


def _legend(table: Table) -> Iterator[str]:
    """What marks mean, where there are any."""
    if table.has_paper:
        yield "Below ours: the paper's mean ± SD of 3 runs."
    if table.has_best:
        yield "Bold: the best ensemble of its block; ★: of the table."


# Blocks


@dataclass(frozen=True)
class _Column:
    """A column of one block: its heading in lines, and how it is set.

    Args:
        heading: lines above it.
        specification: in the preamble.
        width: in points.
        is_number: whether its cells are aligned at the decimal point.
    """

    heading: tuple[str, ...]
    specification: str
    width: float
    is_number: bool


def _longtable(block: Block, page: float, caption: str) -> Iterator[str]:
    columns = _columns(block, page)
    yield rf"\begin{{longtable}}{{@{{}}{''.join(column.specification for column in columns)}@{{}}}}"
    yield from [caption] if caption else []
    yield r"\toprule"
    if block.has_groups:
        yield from _group_headings(block, columns)
    yield from _headings(columns)
    yield r"\midrule" + "\n" + r"\endhead"
    for line in block.lines:
        yield from _rows(line, columns, block.headed)
    yield r"\bottomrule" + "\n" + r"\end{longtable}"
    if not caption:
        yield r"\addtocounter{table}{-1} % the same table, without a number of its own"


def _headings(columns: Sequence[_Column]) -> Iterator[str]:
    depth = max(len(column.heading) for column in columns)
    for row in range(depth):
        words = [("",) * (depth - len(column.heading)) + column.heading for column in columns]
        yield " & ".join(f"{{{tex(lines[row])}}}" if lines[row] else "" for lines in words) + r" \\"


def _group_headings(block: Block, columns: Sequence[_Column]) -> Iterator[str]:
    first = int(block.headed)
    headings, rules, start = [], [], first
    for group in block.groups:
        end = start + len(group.columns)
        room = sum(column.width for column in columns[start:end]) + 2 * SEPARATION * (len(group.columns) - 1)
        headings.append((len(group.columns), _wrapped(group.title, room)))
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


def _rows(line: Line, columns: Sequence[_Column], headed: bool) -> Iterator[str]:
    """A row of ours, and below it one of the paper's."""
    title = [tex(line.title)] if headed else []
    kinds = [column.is_number for column in columns[headed:]]
    ours = [_aligned(cell.text, cell) if kind else tex(cell.text) for cell, kind in zip(line.cells, kinds, strict=True)]
    yield " & ".join((*title, *ours)) + (r" \\*" if line.has_paper else r" \\")
    if line.has_paper:
        yield " & ".join((r"\quad paper", *(_aligned(cell.paper) for cell in line.cells))) + r" \\"


def _aligned(text: str, marks: Cell | None = None) -> str:
    """A cell of a column that is aligned at the decimal point: the number, and in braces what follows it."""
    bold = r"\bfseries " if marks and marks.best_of_block else ""
    star = r"\,$\star$" if marks and marks.best else ""
    found = NUMBER.fullmatch(text)
    if found is None:
        return f"{{{tex(text)}}}" if text else ""
    sign, whole, decimals, rest = found.groups()
    shown = f"{'-' if sign else ''}{whole.replace(',', '')}{f'.{decimals}' if decimals else ''}"
    behind = f"{_behind(rest)}{star}"
    return f"{bold}{shown}" + (f"{{\\normalfont{behind}}}" if behind else "")


def _behind(rest: str) -> str:
    return rf"\,{tex(rest.strip())}" if rest.startswith(" ") else tex(rest)


# Widths


def _fits(block: Block, page: float) -> bool:
    return _total(_columns(block, page)) <= page


def _total(columns: Sequence[_Column]) -> float:
    return sum(column.width for column in columns) + 2 * SEPARATION * (len(columns) - 1)


def _columns(block: Block, page: float) -> list[_Column]:
    """Columns as wide as what stands in them; words are broken into lines where the page is too narrow."""
    columns = [_heading_of_rows(block)] if block.headed else []
    for place, (column, is_number) in enumerate(zip(block.columns, block.numbers, strict=True)):
        cells = [line.cells[place] for line in block.lines]
        columns.append(_of_numbers(column.title, cells) if is_number else _of_words(column.title, cells))
    missing = page - _total(columns)
    return columns if missing >= 0 or block.headed else _broken(block, columns, -missing)


def _heading_of_rows(block: Block) -> _Column:
    natural = max(map(width, (*(line.title for line in block.lines), "    paper")))
    if natural <= WIDEST_HEADING:
        lines = _wrapped(block.title, max(natural, NARROWEST))
        return _Column(lines, "l", max(natural, *map(width, lines), 0), is_number=False)
    return _Column(_wrapped(block.title, WIDEST_HEADING), _paragraph(WIDEST_HEADING), WIDEST_HEADING, is_number=False)


def _of_numbers(title: str, cells: Sequence[Cell]) -> _Column:
    """A column aligned at the decimal point, with room for the longest text behind a number."""
    texts = [(cell.text, " ★" if cell.best else "") for cell in cells] + [(cell.paper, "") for cell in cells]
    found = [(match, star) for text, star in texts if (match := NUMBER.fullmatch(text))]
    sign = any(match[1] for match, _ in found)
    whole = max((len(match[2].replace(",", "")) for match, _ in found), default=1)
    commas = max((match[2].count(",") for match, _ in found), default=0)
    decimals = max((len(match[3] or "") for match, _ in found), default=0)
    behind = max((f"{match[4]}{star}" for match, star in found), key=width, default="")
    natural = width("0" * (whole + decimals) + "," * commas + "." * bool(decimals) + MINUS * sign + behind)
    natural = max([natural, *(width(text) for text, _ in texts if not NUMBER.fullmatch(text))])
    lines = _wrapped(title, max(natural, NARROWEST))
    options = f"table-format={'-' * sign}{whole}.{decimals}"
    if behind:
        options += f",table-space-text-post={{{_behind(behind)}}}"
    return _Column(lines, f"S[{options}]", max(natural, *map(width, lines)), is_number=True)


def _of_words(title: str, cells: Sequence[Cell]) -> _Column:
    natural = max((width(cell.text) for cell in cells), default=0.0)
    lines = _wrapped(title, max(natural, NARROWEST))
    return _Column(lines, "l", max(natural, *map(width, lines)), is_number=False)


def _broken(block: Block, columns: Sequence[_Column], excess: float) -> list[_Column]:
    """Columns with those of words made narrower, the widest first, down to their longest word."""
    widths = [column.width for column in columns]
    least = [_least(block, place) for place in range(len(columns))]
    while excess > 0:
        open_ = [place for place, column in enumerate(columns) if not column.is_number and widths[place] > least[place]]
        if not open_:
            break
        widest = max(open_, key=lambda place: widths[place])
        cut = min(excess, widths[widest] - least[widest], max(widths[widest] / 20, 1.0))
        widths[widest] -= cut
        excess -= cut
    return [
        column
        if wanted == column.width
        else _Column(_wrapped(block.columns[place].title, wanted), _paragraph(wanted), wanted, is_number=False)
        for place, (column, wanted) in enumerate(zip(columns, widths, strict=True))
    ]


def _least(block: Block, place: int) -> float:
    """Width of the longest word of a column."""
    texts = [block.columns[place].title, *(line.cells[place].text for line in block.lines)]
    return max(NARROWEST, *(width(word) for text in texts for word in text.split() or [""]))


def _paragraph(points: float) -> str:
    return rf">{{\raggedright\arraybackslash}}p{{{points:.1f}pt}}"


def _wrapped(text: str, room: float) -> tuple[str, ...]:
    """A text in lines that are no wider than a room, unless a single word is."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return tuple(lines)
