"""Marks that must be told apart can be, also by people who do not see red or green."""

import re
from itertools import combinations

import numpy as np
import pytest

from kdml.common.project import ROOT
from kdml.reporting.figures.common import FOUND, NETWORKS, PIXELS

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.95047, 1.0, 1.08883])
APART = 20  # in CIELAB; some 2 can just be told from each other side by side, small marks need ten times as much


def lab(colour: str, vision: str) -> np.ndarray:
    """CIELAB of a colour as somebody sees it."""
    rgb = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(np.asarray(VISION[vision]) @ linear, 0, 1) / WHITE
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("marks", [NETWORKS, PIXELS, FOUND], ids=["networks", "pixels", "found"])
def test_no_two_hues_fall_together(marks, vision):
    near = {
        pair: round(float(np.linalg.norm(lab(marks[pair[0]], vision) - lab(marks[pair[1]], vision))), 1)
        for pair in combinations(marks, 2)
    }
    assert {pair: distance for pair, distance in near.items() if distance < APART} == {}


def test_a_known_confusion_is_seen():
    """Red and green of equal lightness, which this measure must not let pass."""
    red, green = "#C8553D", "#7F8A2E"
    assert np.linalg.norm(lab(red, "normal") - lab(green, "normal")) > 2 * APART
    assert np.linalg.norm(lab(red, "deuteranopia") - lab(green, "deuteranopia")) < APART


def test_figures_name_no_colour_of_their_own():
    named = {
        path.name: found
        for path in (ROOT / "src/kdml/reporting/figures").glob("*.py")
        if (
            found := re.findall(
                r"#[0-9a-fA-F]{6}|[\"']tab:\w+|[\"'](?:red|blue|green|orange|C\d)[\"']", path.read_text("utf-8")
            )
        )
    }
    assert named == {}
