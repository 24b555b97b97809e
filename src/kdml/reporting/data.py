"""What tables and figures are made from: files under labels, and a few short texts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kdml.common.command_line import labelled_files
from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN, read_csv


def files_by_label(entries: Iterable[str], option: str) -> dict[str, list[Path]]:
    """Files under their labels, in their order.

    Args:
        entries: `LABEL=FILE` each; several may share a label.
        option: that they were passed with.

    Raises:
        UserError: an entry lacks its label or its file.
    """
    files: dict[str, list[Path]] = {}
    for label, path in labelled_files(entries, option):
        files.setdefault(label, []).append(path)
    return files


def labelled_texts(entries: Iterable[str], option: str) -> list[tuple[str, str]]:
    """Short texts by name, in their order; a name may come more than once, and a text may be empty.

    Args:
        entries: `NAME=TEXT` each.
        option: that they were passed with.

    Raises:
        UserError: an entry lacks its name.
    """
    parted = [(entry, *entry.partition("=")) for entry in entries]
    for entry, name, sign, _ in parted:
        if not name or not sign:
            raise UserError(f"{option} {entry} is not NAME=TEXT.", f"write {option} NAME='some words'")
    return [(name, text) for _, name, _, text in parted]


def texts_by_name(entries: Iterable[str], option: str) -> dict[str, str]:
    """Short texts by name, such as captions by the table or figure; the last of a name that comes more than once.

    Args:
        entries: `NAME=TEXT` each.
        option: that they were passed with.

    Raises:
        UserError: an entry lacks its name.
    """
    return dict(labelled_texts(entries, option))


@dataclass(frozen=True)
class Data:
    """Files and short texts that a table or a figure is made from.

    Args:
        files: by label: a word, or `KIND:protocol/task/pair` for a file of a place; several may share one.
        options: short texts, such as the `number` of a figure or the `name` of a table.
    """

    files: Mapping[str, Sequence[Path]]
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def labelled(cls, entries: Iterable[str], **options: str) -> "Data":
        """Files as a command line has them.

        Args:
            entries: `LABEL=FILE` each.
            options: short texts by name.

        Raises:
            UserError: an entry lacks its label or its file.
        """
        return cls(files_by_label(entries, "--data"), options)

    def paths(self, label: str) -> Sequence[Path]:
        """Files of a label.

        Raises:
            UserError: there is none.
        """
        if label not in self.files:
            raise UserError(f"No file was given for '{label}'.", f"pass --data {label}=FILE")
        return self.files[label]

    def rows(self, label: str) -> list[dict[str, str]]:
        """Rows of all CSV files of a label.

        Raises:
            UserError: there is none, or one cannot be read.
        """
        return [row for path in self.paths(label) for row in read_csv(path, MAKE_AGAIN)]

    def one(self, label: str) -> Path:
        """The first file of a label.

        Raises:
            UserError: there is none.
        """
        return self.paths(label)[0]

    def places(self, kind: str) -> list[str]:
        """Places (protocol/task/pair) with a file of a kind, in the order in which they were given."""
        return [label.partition(":")[2] for label in self.files if label.startswith(f"{kind}:")]

    def of_places(self, places: Iterable[str]) -> "Data":
        """Select the files of some places, and those of no place.

        Args:
            places: protocol/task/pair each.
        """
        wanted = set(places)
        files = {label: paths for label, paths in self.files.items() if label.partition(":")[2] in {"", *wanted}}
        return Data(files, self.options)

    def under(self, kind: str) -> dict[str, list[dict[str, str]]]:
        """Rows of all files of a kind, by place."""
        return {place: self.rows(f"{kind}:{place}") for place in self.places(kind)}

    def at(self, kind: str, place: str) -> list[dict[str, str]]:
        """Rows of the files of a kind at a place; nothing if there is no such file."""
        label = f"{kind}:{place}"
        return self.rows(label) if label in self.files else []

    def graphs(self) -> dict[str, list[tuple[str, str, str]]]:
        """Edges (source, learner, knowledge) of each variant, from the file `graphs`."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        for row in self.rows("graphs"):
            found.setdefault(row["variant"], []).append((row["source"], row["learner"], row["knowledge"]))
        return found
