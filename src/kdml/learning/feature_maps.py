"""Feature maps of a network, kept by name while it runs forward."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import Tensor, nn


class Source(NamedTuple):
    """Where a map appears: the output of a module, or one entry of it where the module gives a list."""

    module: nn.Module
    index: int | None = None


class Tap:
    """Keeps the output of one module until the forward that made it picks it up."""

    def __init__(self, source: Source | nn.Module):
        self.source = source if isinstance(source, Source) else Source(source)
        self.value: Tensor | None = None
        self._hook = self.source.module.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: tuple, output: Tensor | list[Tensor]) -> None:
        self.value = output if self.source.index is None else output[self.source.index]

    def take(self) -> Tensor:
        """The output of the last forward, given once."""
        value, self.value = self.value, None
        return value

    def remove(self) -> None:
        """Keep nothing any more."""
        self._hook.remove()


class Taps:
    """Several taps of one network.

    Args:
        sources: by name, as a network's `stages` gives them.
        names: those to keep; all if not given.
    """

    def __init__(self, sources: Mapping[str, Source], names: Iterable[str] | None = None):
        self._taps = {name: Tap(sources[name]) for name in (sources if names is None else names)}

    def take(self) -> dict[str, Tensor]:
        """The maps of the last forward, given once."""
        return {name: tap.take() for name, tap in self._taps.items()}

    def remove(self) -> None:
        """Keep nothing any more."""
        for tap in self._taps.values():
            tap.remove()
