"""Draws docs/demo.png from a finished demo: patches of both classes, and slices with true and predicted outlines.

uv run python docs/draw_picture.py
"""

from pathlib import Path

from kdml.reporting import figures  # noqa: F401 - before matplotlib, so that a user's own settings of it do not matter

# isort: split
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kdml.runs.predictions import load, marked

RESULTS = Path("results/demo")
RUN = RESULTS / "paper/lgg/small/kd_ml_v3/seed-0"
TRUE, FOUND = "#00d1ff", "#ffb000"


def patches(axes: np.ndarray) -> None:
    """Three test patches of each class."""
    images = np.load(RESULTS / "data/hcd/images.npy", mmap_mode="r")
    index = pd.read_parquet(RESULTS / "data/hcd/index.parquet")
    for axis, (_, row) in zip(
        axes, pd.concat([group.head(3) for _, group in index.groupby("label")]).iterrows(), strict=True
    ):
        axis.imshow(images[row["row"]], interpolation="nearest")
        axis.set_title(row["label_name"], fontsize=10)


def slices(axes: np.ndarray) -> None:
    """The test slices with the largest lesions of different patients."""
    images, masks = (np.load(RESULTS / f"data/lgg/{name}.npy", mmap_mode="r") for name in ("images", "masks"))
    index = pd.read_parquet(RESULTS / "data/lgg/index.parquet").set_index("row")
    stored = load(RUN / "predictions.npz")
    area = pd.Series({row: masks[row].sum() for row in stored.rows})
    largest = area.groupby(index.loc[area.index, "group"]).idxmax()
    chosen = area[largest].nlargest(len(axes)).index
    for axis, row in zip(axes, chosen, strict=True):
        place = list(stored.rows).index(row)
        found = np.logical_or(*(marked(stored.outputs[name][place]) for name in ("s1", "s2")))
        axis.imshow(images[row], interpolation="nearest")
        axis.contour(masks[row], levels=[0.5], colors=TRUE, linewidths=1.4)
        axis.contour(found, levels=[0.5], colors=FOUND, linewidths=1.4, linestyles="--")


def main() -> None:
    """Draw and save."""
    figure = Figure(figsize=(10.5, 4.1), layout="constrained")
    axes = figure.subplots(2, 6)
    patches(axes[0])
    slices(axes[1])
    for axis in axes.flat:
        axis.set_axis_off()
    figure.supxlabel(
        "Blue: drawn lesion. Dashed orange: union of the two students of KD + ML, V3, on test slices.", fontsize=10
    )
    figure.savefig("docs/demo.png", dpi=110)


if __name__ == "__main__":
    main()
