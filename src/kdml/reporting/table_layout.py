"""What of a table a reader is shown: without columns that say the same in every row, long words as notes, wide blocks split."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from string import ascii_lowercase

from kdml.reporting.table_model import NOTHING, Block, Cell, Column, Group, Line, Section, Table

ON_PAGE, ON_SCREEN = (
    6,
    3,
)  # columns of numbers with their intervals that fit beside each other; a screen may be a phone's
LONG = 40  # letters; longer words that stand in several rows are put into a note once
EMPTY = ("", NOTHING)


def shown(table: Table, most: int = ON_PAGE) -> Table:
    """The table as a reader is shown it; what is stored is the whole.

    A column with one value in all rows goes into a note, of the table or of the one section in which it has one value. Long words
    that several rows share become letters, which a note explains. Blocks that are too wide are split.

    Args:
        table: with everything that is stored.
        most: columns of a block whose rows have a heading.
    """
    sections = [section for section in table.sections if not section.stored_only]
    sections, notes = _without_constants(sections)
    sections = [
        replace(section, blocks=tuple(_split(section.blocks, most))) for section in map(_with_letters, sections)
    ]
    return replace(table, sections=tuple(sections), notes=(*table.notes, *notes))


# Columns with one value


def _without_constants(sections: Sequence[Section]) -> tuple[list[Section], list[str]]:
    """Sections without the columns that have one value, and notes on those that have it in all sections."""
    everywhere = _constants(block for section in sections for block in section.blocks)
    found = []
    for section in sections:
        here = everywhere | _constants(section.blocks)
        blocks = tuple(_keep(block, lambda column: column.title not in here) for block in section.blocks)  # noqa: B023
        own = {title: text for title, text in here.items() if title not in everywhere}
        found.append(replace(section, blocks=blocks, notes=(*section.notes, *_said(own))))
    return found, list(_said(everywhere))


def _constants(blocks: Iterable[Block]) -> dict[str, str]:
    """Title -> the text that stands in every row, of blocks that a reader may sort; nothing if there is but one row."""
    texts: dict[str, list[str]] = {}
    rows = 0
    for block in blocks:
        if not block.headed:
            rows += len(block.lines)
            for place, column in enumerate(block.columns):
                texts.setdefault(column.title, []).extend(line.cells[place].text for line in block.lines)
    same = {title: found[0] for title, found in texts.items() if len(found) == rows > 1 and len(set(found)) == 1}
    return same if len(same) < len(texts) else {}


def _said(constants: Mapping[str, str]) -> Iterator[str]:
    """Notes on columns that are not shown; of one without any value there is nothing to say."""
    if known := {title: text for title, text in constants.items() if text not in EMPTY}:
        yield f"The same in every row: {'; '.join(f'{title} = {text}' for title, text in known.items())}."


def _keep(block: Block, wanted: Callable[[Column], bool]) -> Block:
    """The block with some of its columns."""
    if block.headed:
        return block
    places = [place for place, column in enumerate(block.columns) if wanted(column)]
    groups = tuple(replace(group, columns=tuple(filter(wanted, group.columns))) for group in block.groups)
    lines = tuple(replace(line, cells=tuple(line.cells[place] for place in places)) for line in block.lines)
    return replace(block, groups=groups, lines=lines)


# Long words


def _with_letters(section: Section) -> Section:
    """Put words that are long and stand in several rows into notes."""
    notes = list(section.notes)
    blocks = []
    for block in section.blocks:
        for place, column in enumerate(() if block.headed else block.columns):
            # The first column says what a row is about.
            letters = _letters([line.cells[place].text for line in block.lines]) if place else {}
            if letters:
                block = _lettered(block, place, letters)
                notes.append(f"{column.title}: {'; '.join(f'({mark}) {text}' for text, mark in letters.items())}.")
        blocks.append(block)
    return replace(section, blocks=tuple(blocks), notes=tuple(notes))


def _letters(texts: Sequence[str]) -> dict[str, str]:
    """Text -> letter; nothing where texts are short, hardly ever the same, or too many for the alphabet."""
    known = [text for text in texts if text not in EMPTY]
    distinct = list(dict.fromkeys(known))
    if max(map(len, known), default=0) <= LONG or not len(distinct) <= min(len(known) / 2, len(ascii_lowercase)):
        return {}
    return dict(zip(distinct, ascii_lowercase, strict=False))


def _lettered(block: Block, place: int, letters: Mapping[str, str]) -> Block:
    def changed(cell: Cell) -> Cell:
        return replace(cell, text=letters.get(cell.text, cell.text), value=letters.get(cell.text, cell.text))

    lines = [
        replace(line, cells=(*line.cells[:place], changed(line.cells[place]), *line.cells[place + 1 :]))
        for line in block.lines
    ]
    return replace(block, lines=tuple(lines))


# Wide blocks


def _split(blocks: Iterable[Block], most: int) -> Iterator[Block]:
    """Blocks that fit: a wide one by metric where its groups have the same, else into several of fewer groups."""
    for block in blocks:
        keys = [tuple(column.key for column in group.columns) for group in block.groups]
        if not block.headed or len(block.columns) <= most:
            yield block
        elif len(set(keys)) == 1 and len(keys[0]) > 1:
            yield from _split((_of_metric(block, place) for place in range(len(keys[0]))), most)
        else:
            yield from _of_groups(block, most)


def _of_metric(block: Block, place: int) -> Block:
    """The block with one metric, its groups as columns."""
    width = len(block.groups[0].columns)
    metric = block.groups[0].columns[place]
    groups = tuple(Group((Column(group.title, metric.key),), "", group.key) for group in block.groups)
    lines = tuple(replace(line, cells=line.cells[place::width]) for line in block.lines)
    return Block(groups, lines, f"{block.title}: {metric.title}", block.key, headed=True)


def _of_groups(block: Block, most: int) -> Iterator[Block]:
    """Parts of the block with as many groups as fit."""
    start = 0
    groups: list[Group] = []
    for group in (*block.groups, None):
        width = sum(len(one.columns) for one in groups)
        if groups and (group is None or width + len(group.columns) > most):
            lines = tuple(Line(line.cells[start : start + width], line.title, line.key) for line in block.lines)
            yield replace(block, groups=tuple(groups), lines=lines)
            start, groups = start + width, []
        if group is not None:
            groups.append(group)
