"""Which files can be made again without pictures, weights or measurements, read off what the workflow's rules declare.

A file that comes from pictures or networks stays what it is; what is made from such files by numbers alone is made again. Nothing
here names a rule or a table: one that is added tomorrow is packed, and rebuilt, by what it says that it reads.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

NUMBERS = frozenset({".csv", ".json", ".parquet"})  # files that a pack may hold as they are
HEAVY = frozenset({".npy", ".npz", ".safetensors", ".zip", ".pt"})  # pictures, predictions of masks, networks, archives


@dataclass(frozen=True)
class Maker:
    """The job that would make a file.

    Args:
        rule: its name.
        inputs: files that it reads.
        outputs: files that it makes.
        of_plan: whether it runs no program: what it writes is known from the configuration.
    """

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    of_plan: bool = False

    def opens(self, is_of_pictures: Callable[[str], bool]) -> bool:
        """Whether it reads or makes pictures or networks, or brings something from outside, such as a measurement."""
        from_outside = not self.inputs and not self.of_plan
        return from_outside or any(map(is_of_pictures, (*self.inputs, *self.outputs)))


class Making:
    """What can be made again where there is nothing but numbers.

    Args:
        maker_of: a file to the job that would make it, None if there is none.
        folders: of prepared pictures and what is said of them, which no pack holds.
        packed: files that there are; None for all that a pack may hold.
    """

    def __init__(
        self, maker_of: Callable[[str], Maker | None], folders: Sequence[str], packed: Iterable[str] | None = None
    ):
        self.maker_of = maker_of
        self.folders = tuple(f"{folder}/" for folder in folders)
        self.packed = None if packed is None else frozenset(packed)
        self._makers: dict[str, Maker | None] = {}
        self._lacking: dict[str, str] = {}

    def is_of_pictures(self, path: str) -> bool:
        """Whether a file holds pictures, predictions of masks or networks, or lies beside them."""
        return PurePath(path).suffix in HEAVY or path.startswith(self.folders)

    def is_packed(self, path: str) -> bool:
        """Whether a pack holds, or may hold, a file as it is."""
        may_be = PurePath(path).suffix in NUMBERS and not self.is_of_pictures(path)
        return may_be and (self.packed is None or path in self.packed)

    def maker(self, path: str) -> Maker | None:
        """The job that would make a file."""
        if path not in self._makers:
            self._makers[path] = self.maker_of(path)
        return self._makers[path]

    def lacking(self, path: str) -> str:
        """The file for want of which another cannot be made again; itself if its job opens pictures or networks; else nothing."""
        if path not in self._lacking:
            self._lacking[path] = self._find_lacking(path)
        return self._lacking[path]

    def _find_lacking(self, path: str) -> str:
        maker = self.maker(path)
        if maker is None:
            return path
        if maker.opens(self.is_of_pictures):
            return next(filter(self.is_of_pictures, (*maker.inputs, *maker.outputs)), path)
        found = ((one, self.lacking(one)) for one in maker.inputs)
        return next((lacking for one, lacking in found if lacking and not self.is_packed(one)), "")

    def again(self, path: str) -> bool:
        """Whether a file can be made again."""
        return not self.lacking(path)


@dataclass(frozen=True)
class Sorted:
    """Files of an experiment by what becomes of them.

    Args:
        making: says what can be made again.
        files: of the experiment.
    """

    making: Making
    files: Sequence[str]

    @cached_property
    def again(self) -> list[str]:
        """Files that are made again."""
        return list(filter(self.making.again, self.files))

    @cached_property
    def given(self) -> list[str]:
        """Files that a pack holds because nothing without pictures or networks makes them."""
        kept = (path for path in self.files if not self.making.again(path))
        return list(filter(self.making.is_packed, kept))

    @cached_property
    def left_out(self) -> dict[str, str]:
        """All others, each with the file that would be needed for it."""
        known = {*self.again, *self.given}
        return {path: self.making.lacking(path) for path in self.files if path not in known}
