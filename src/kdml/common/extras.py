"""Packages that only some need, as extras of `pyproject.toml`: whether they are there is asked before a job needs them."""

from collections.abc import Mapping
from importlib.util import find_spec

from kdml.common.errors import UserError

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "export": ("onnx", "onnxruntime", "onnxscript"),
    "medical": ("nibabel", "pydicom"),
}


def need(extra: str, purpose: str) -> None:
    """Check that the packages of an extra are installed; none of them is loaded for it.

    Args:
        extra: key of `EXTRAS`.
        purpose: what needs them, for the message.

    Raises:
        UserError: one is missing; says how to install them all.
    """
    missing = [name for name in EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise UserError(
            f"{purpose} needs the package {missing[0]}, which is not installed.",
            f"install the extra `{extra}`: `uv sync --extra {extra}`, or `pip install {' '.join(EXTRAS[extra])}`",
        )
