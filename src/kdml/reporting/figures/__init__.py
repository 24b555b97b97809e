"""Figures, each a function of files under labels: they draw, they compute nothing.

Importing any of them settles how matplotlib draws, before it is imported: a user's matplotlibrc, MPLBACKEND or style changes
nothing.
"""

import os
from pathlib import Path

from kdml.reporting.figures.common import STYLE


def settle() -> None:
    """Take matplotlib's own defaults and the style of this project, whatever stands in the user's files and environment."""
    os.environ["MPLBACKEND"] = "agg"  # a notebook's backend need not be installed here
    os.environ["MATPLOTLIBRC"] = os.devnull
    import font_source_sans_pro
    import matplotlib
    from matplotlib.font_manager import fontManager

    for cut in ("Regular", "Bold", "It"):
        fontManager.addfont(Path(font_source_sans_pro.font_directory) / f"SourceSansPro-{cut}.ttf")
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(STYLE["rc"])


settle()
