"""Texts as LaTeX prints them, and how wide they are."""

import re
from typing import Any

from kdml.reporting.table_model import MINUS

MM = 72.27 / 25.4  # points
# Of 8-point Computer Modern, rounded up.
WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!()[]/ tfrI-", 3.4),
    **dict.fromkeys("mwMWQO%@", 8.0),
    **dict.fromkeys("±×→<>+=" + MINUS, 7.2),
}
CAPITAL, OTHER = 6.6, 4.75
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


def after_number(rest: str) -> str:
    """LaTeX of what follows a number in its cell, such as ` [57, 83]`."""
    return rf"\,{tex(rest)}" if rest.startswith(" ") else tex(rest)


def wrapped(text: str, room: float) -> tuple[str, ...]:
    """A text in lines that are no wider than a room in points, unless what cannot be broken is; names are broken behind `_`."""
    lines = [""]
    for piece in re.findall(r"(?:[^ _]| (?=%))+_?|_| ", text):
        if width(lines[-1] + piece) > room and lines[-1] and piece != " ":
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip(" ")
    return tuple(line.rstrip(" ") for line in lines)


def words_of(text: str) -> list[str]:
    """Words of a text; a percent sign stays with its number."""
    return re.split(r" (?!%)", text)
