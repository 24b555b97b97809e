"""Which file of a folder or zip a cell of a table means."""

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from kdml.common.errors import UserError
from kdml.common.texts import composed
from kdml.data import medical
from kdml.data.archives import Source


class Finder:
    """Finds the file that a cell of a table means: by its path, or by the end of it, with or without its suffix.

    Of files with one content, as in a folder that was copied into itself, the one with the shortest path is meant.

    Args:
        source: folder or zip.
        files: names of its pictures.
        folder: of the table within it, which names may be relative to.
        table: its name, for messages.
        suffixes: of pictures, likewise.
    """

    def __init__(self, source: Source, files: Sequence[str], folder: str, table: str, suffixes: Sequence[str]):
        self.source, self.folder, self.table, self.suffixes = source, folder, table, suffixes
        self.files = {composed(name): name for name in files} | {name: name for name in files}
        self.by_end: dict[str, list[str]] = defaultdict(list)
        for name in files:
            parts = composed(name).split("/")
            for start in range(len(parts)):
                end = "/".join(parts[start:])
                self.by_end[end].append(name)
                self.by_end[medical.stem(end)].append(name)
        self.example = files[0]

    def __call__(self, where: str, cell: str) -> str:
        """Name of the file.

        Raises:
            UserError: there is none, or several may be meant.
        """
        path = posixpath.normpath(composed(cell).replace("\\", "/"))
        if posixpath.isabs(path):  # of a picture that lies within, as a table has it that was made on this machine
            path = within(self.source.path, Path(path)) or path
        for exact in (posixpath.normpath(posixpath.join(self.folder, path)), path):
            if exact in self.files:
                return self.files[exact]
        found = sorted(self.by_end.get(path, []), key=lambda name: (len(name), name))
        if any(not self.source.equal(found[0], other) for other in found[1:]):
            raise UserError(
                f"{where}: {cell} may be {found[0]} or {found[1]}.",
                "write the folder, and the suffix, in the table, too",
            )
        if not found:
            other = next((name for name in self.by_end if name.lower() == path.lower()), None)
            if other is not None:
                raise UserError(
                    f"{where}: {self.source.path} holds no picture {cell}, but {self.by_end[other][0]}.",
                    "write capitals as they are there",
                )
            raise UserError(
                f"{where}: {self.source.path} holds no picture {cell}; it holds for example {self.example}.",
                "write names as they are there, or leave the row out; pictures are "
                + ", ".join(self.suffixes)
                + " files",
            )
        return found[0]


def within(folder: Path, file: Path) -> str | None:
    """Name of a file below a folder, composed, wherever links lead; None if it lies elsewhere."""
    place, root = (Path(composed(str(one.resolve()))) for one in (file, folder))
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else None
