"""Fixtures for all tests. Real data are read from ../shared where it exists; without it those tests skip and say so."""

import os
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; more threads would only get in each other's way

# The same examples at every run, and nothing left on disk; time is no matter on a machine that others use, too.
hypothesis.settings.register_profile("kdml", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("kdml")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def kaggle_archives() -> Path:
    """Folder of real images in Kaggle's archive layout."""
    folder = SHARED / "data" / "kaggle"
    if not folder.is_dir():
        pytest.skip(f"needs the real archives in {folder}")
    return folder


@pytest.fixture(scope="session")
def imagenet_weights() -> Path:
    """Folder of ImageNet weights as safetensors files."""
    folder = SHARED / "weights"
    if not folder.is_dir():
        pytest.skip(f"needs the ImageNet weights in {folder}")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `quick` what neither starts a whole workflow nor says that it is slow: `pytest -m quick`."""
    for item in items:
        wing = item.path.relative_to(ROOT / "tests").parts[0]
        if wing not in ("workflow", "end_to_end") and "slow" not in item.keywords:
            item.add_marker(pytest.mark.quick)
