"""Where the project lies, for what the package reads without being given a path: templates, the paper's numbers, own methods."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
