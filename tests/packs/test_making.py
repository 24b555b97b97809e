"""What can be made again from numbers alone, read off what jobs say that they read."""

from kdml.packs.making import Maker, Making, Sorted

JOBS = (
    Maker("fetch", (), ("results/x/archives/a.json",)),
    Maker("prepare", ("results/x/archives/a.json",), ("results/x/data/a/images.npy", "results/x/data/a/index.parquet")),
    Maker("split", ("results/x/data/a/index.parquet",), ("results/x/split.csv",)),
    Maker("train", ("results/x/data/a/images.npy", "results/x/split.csv"), ("results/x/run.json", "results/x/p.npz")),
    Maker("runs", (), ("results/x/runs.csv",), of_plan=True),
    Maker("networks", (), ("results/x/costs.csv",)),
    Maker("evaluate", ("results/x/runs.csv", "results/x/p.npz"), ("results/x/cases.parquet",)),
    Maker(
        "contrasts",
        ("results/x/runs.csv", "results/x/cases.parquet", "results/x/run.json"),
        ("results/x/contrasts.csv",),
    ),
    Maker("table", ("results/x/contrasts.csv", "results/x/costs.csv"), ("results/tables/t.html",)),
    Maker("figure", ("results/x/p.npz",), ("results/figures/f.png",)),
    Maker("index", ("results/tables/t.html", "results/figures/f.png"), ("results/index.html",)),
)
FILES = [path for job in JOBS for path in job.outputs]
FOLDERS = ("results/x/data", "results/x/archives")


def making(packed=None, jobs=JOBS):
    makers = {path: job for job in jobs for path in job.outputs}
    return Making(makers.get, FOLDERS, packed)


def test_files_are_sorted_by_what_becomes_of_them():
    found = Sorted(making(), FILES)
    assert found.again == ["results/x/runs.csv", "results/x/contrasts.csv", "results/tables/t.html"]
    given = ["results/x/split.csv", "results/x/run.json", "results/x/costs.csv", "results/x/cases.parquet"]
    assert found.given == given
    assert found.left_out.keys() == set(FILES) - {*found.again, *given}


def test_what_is_left_out_says_what_it_needs():
    needs = Sorted(making(), FILES).left_out
    assert needs["results/figures/f.png"] == "results/x/p.npz"
    assert needs["results/index.html"] == "results/x/p.npz"


def test_a_table_that_a_pack_has_no_numbers_for_is_named():
    """A program that makes more than the one that wrote the pack."""
    more = (
        Maker("clinic", ("results/x/p.npz",), ("results/x/clinic.csv",)),
        Maker("table", ("results/x/clinic.csv",), ("results/tables/clinic.html",)),
    )
    with_it = making(jobs=(*JOBS, *more))
    assert with_it.again("results/tables/clinic.html")
    without = making(packed=Sorted(making(), FILES).given, jobs=(*JOBS, *more))
    assert without.lacking("results/tables/clinic.html") == "results/x/p.npz"
    assert without.again("results/tables/t.html")


def test_a_file_that_nothing_makes_is_not_made_again():
    assert making().lacking("results/x/own.csv") == "results/x/own.csv"


def test_numbers_beside_pictures_are_not_packed():
    assert not making().is_packed("results/x/data/a/index.parquet")
    assert making().is_packed("results/x/cases.parquet") and not making().is_packed("results/x/p.npz")
