"""What draws a table or a figure, found by its name."""

import importlib
from collections.abc import Callable
from typing import Any

from kdml.common.errors import UserError
from kdml.reporting.data import Data


def drawn_by(name: str) -> Callable[[Data], Any]:
    """The function that makes a table or a figure; only its module is imported, because some cost seconds.

    Args:
        name: `module:function` below `kdml.reporting`.

    Raises:
        UserError: there is none.
    """
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(f"kdml.reporting.{module}"), function)
    except (ModuleNotFoundError, AttributeError) as error:
        if not (error.name or "").startswith(("kdml", function)):
            raise
        raise UserError(
            f"kdml.reporting has no {name}.", "name a module and its function, such as plain_tables.costs:table"
        ) from None
