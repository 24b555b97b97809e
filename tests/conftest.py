"""Fixtures for all tests. Real data are read from ../shared where it exists; without it those tests skip and say so."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; more threads would only get in each other's way

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
