"""Files of the full experiment by what a pack does with them."""

from experiments import inputs_of

from kdml.packs.making import Maker, Making
from kdml.packs.of_experiment import folders_of_pictures, leave_out, listed, sorted_files


def terms_of(dataset):
    return f"of {dataset}"


def making_of(inputs):
    """Everything comes from numbers, but for figures of slices and what the trainings leave."""

    def maker(path):
        if path.startswith("results/figures/figure_04"):
            return Maker("figure", ("results/full/slices/figure_04.npz",), (path,))
        if path.startswith(("results/tables", "results/figures", "results/claims")):
            return Maker("table", ("results/full/paper/hcd/split-0.csv",), (path,))
        return Maker("train", ("results/full/data/hcd/images.npy",), (path,))

    return Making(maker, folders_of_pictures(inputs))


def test_figures_that_show_pictures_are_left_out():
    inputs = inputs_of({"tasks": ["lgg", "hcd"]})
    shown = {one["name"] for one in inputs.contents.shown()}
    lacking = leave_out(inputs.contents, making_of(inputs))
    assert lacking == {"figure_04": "results/full/slices/figure_04.npz"}
    assert {one["name"] for one in inputs.contents.shown()} == shown - {"figure_04"}


def test_list_of_a_pack():
    inputs = inputs_of({"tasks": ["lgg", "hcd"]})
    config = {"experiment": "full", "archives": "/data/me"}
    found = listed(inputs, making_of(inputs), config, terms_of)
    assert found["licences"] == {"hcd": "of hcd", "lgg": "of lgg"} and found["configuration"]["archives"] is None
    assert {"results/claims.csv", "results/tables/table_03.html"} <= set(found["again"])
    assert "results/full/contents.json" not in {*found["again"], *found["given"], *found["left_out"]}
    records = set(found["records"])
    assert len(records) == len(inputs.plan.runs) and records <= set(found["given"])
    assert found["left_out"]["results/full/data/hcd/index.parquet"] == "results/full/data/hcd/images.npy"
    files = sorted_files(inputs, making_of(inputs)).files
    assert len(files) == len(found["again"]) + len(found["given"]) + len(found["left_out"])
