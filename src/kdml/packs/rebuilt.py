"""What was rebuilt beside what was published."""

from collections.abc import Iterator
from pathlib import Path

from kdml.common.files import sha256_of
from kdml.packs.reading import Pack

COLUMNS = ("file", "state", "needs")
SAME, DIFFERENT, NOT_REBUILT, LEFT_OUT = "as published", "differs", "not rebuilt", "not in the pack"


def rows(pack: Pack, folder: Path) -> Iterator[dict[str, str]]:
    """Rows of rebuilt.csv: every file that was published as made from others, and every one that the pack does not hold.

    Args:
        pack: that it was rebuilt from.
        folder: that the files lie in.
    """
    for name in pack.about["again"]:
        path = folder / name
        if not path.is_file():
            yield {"file": name, "state": NOT_REBUILT, "needs": ""}
        else:
            state = SAME if sha256_of(path) == pack.published(name) else DIFFERENT
            yield {"file": name, "state": state, "needs": ""}
    for name, needs in pack.about["left_out"].items():
        yield {"file": name, "state": LEFT_OUT, "needs": needs}
