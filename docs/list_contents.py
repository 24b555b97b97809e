"""Lists the tables and figures of an experiment by kind: names to ask for, titles, and what each kind is made from.

uv run python docs/list_contents.py; with files of your own: uv run python docs/list_contents.py profiles/demo/experiment.yaml
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kdml.common.errors import run_script
from kdml.common.project import ROOT
from kdml.common.yaml_files import read_yaml
from kdml.experiment.config import validated
from kdml.experiment.config_files import merged
from kdml.experiment.contents import Contents
from kdml.experiment.figures import FIGURES
from kdml.experiment.inputs import Inputs
from kdml.experiment.items import Item
from kdml.experiment.paths import Paths
from kdml.experiment.plan import Plan
from kdml.experiment.tables import TABLES


def main() -> None:
    """Print the list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configuration", nargs="*", type=Path, help="laid over config.yaml, in this order")
    print("\n".join(lines_of(inputs_of(parser.parse_args().configuration))))


def inputs_of(configuration: Sequence[Path]) -> Inputs:
    """Contents and files of an experiment.

    Args:
        configuration: files that are laid over config.yaml.

    Raises:
        UserError: one cannot be read, or what they say together is not valid.
    """
    captions = read_yaml(ROOT / "workflow/report/captions.yaml")
    contents = Contents(Plan(validated(merged([ROOT / "config.yaml", *configuration]))), captions, (TABLES, FIGURES))
    return Inputs(contents, Paths("<experiment>"))


def lines_of(inputs: Inputs) -> Iterator[str]:
    """Lines of the list, a heading for each kind."""
    contents = inputs.contents
    for what, kinds, items in (("table", TABLES, contents.tables), ("figure", FIGURES, contents.figures)):
        for key, kind in kinds.items():
            mine = [item for item in items.values() if item.kind == key]
            if not mine:
                continue
            made_from = dict.fromkeys(_pattern(path, item) for item in mine for _, path in kind.made_from(item, inputs))
            yield f"{what}s of the kind {key} ({kind.category}), drawn by kdml.reporting.{kind.draws} from {', '.join(made_from)}"
            yield from (f"  {line}" for line in _columns(mine))
            yield ""


def _columns(items: Sequence[Item]) -> Iterator[str]:
    """Names in a column, titles in another."""
    named = {_names(item): item for item in items}
    width = max(map(len, named))
    yield from (f"{names:{width}}  {item.title}{' (on request)' * item.on_request}" for names, item in named.items())


def _names(item: Item) -> str:
    return " = ".join(filter(None, (item.name, item.other_name)))


def _pattern(path: str, item: Item) -> str:
    """A file's name with the item's own place, name and seeds left open."""
    for place in item.places:
        path = path.replace(place.folder, "<place>").replace(f"{place.task}/{place.pair}", "<task>/<pair>")
    path = re.sub(r"/similarity/[^/]+/seed-\d+/", "/similarity/<technique>/seed-<seed>/", path)
    return path.removeprefix("results/<experiment>/").replace(f"slices/{item.name}.", "slices/<name>.")


if __name__ == "__main__":
    run_script(main)
