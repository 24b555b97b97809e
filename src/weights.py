"""Makes the file of start weights of one backbone, from timm's hub or a local file, with all that a training must know."""

import argparse
import logging
from pathlib import Path

from pydantic import ValidationError

from kdml.common.command_line import mapping_argument
from kdml.common.errors import UserError, run_script
from kdml.experiment.sections import WeightsEntry

log = logging.getLogger(__name__)
REMEDY = "pass one entry of `weights` as JSON"


def main() -> None:
    """Fetch, check, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", required=True, help="an entry of `weights` in the configuration, as JSON")
    parser.add_argument(
        "--file", type=Path, help="the local file that the entry is about, if it does not name its `path`"
    )
    parser.add_argument("--name", required=True, help="of the entry")
    parser.add_argument("--timm", required=True, help="timm name of the backbone")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        content = mapping_argument(arguments.weights, "--weights", remedy=REMEDY)
        entry = WeightsEntry.model_validate(content | ({"path": arguments.file} if arguments.file else {}))
    except ValidationError as error:
        raise UserError(f"--weights: {error}", REMEDY) from None
    from kdml.learning.start_weights import fetch

    fetch(entry.settings(), entry.path, arguments.name, arguments.timm, arguments.out)
    log.info("weights '%s' for %s: %s", arguments.name, arguments.timm, arguments.out)


if __name__ == "__main__":
    run_script(main)
