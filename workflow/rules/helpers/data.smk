"""What the rules from archives to splits ask for."""

from kdml.data.archives import ARCHIVES_OF, missing_from, way_to
from kdml.data.kaggle_download import token_present

# Archives that the targets need, noted while Snakemake plans: the plan itself must work without any archive.
ASKED_ARCHIVES = set()


def archive_source(wildcards):
    """Arguments of src/fetch.py: a folder, or Kaggle."""
    if EXPERIMENT.archives == "demo":
        return f"--folder {PATHS.resources}/archives"
    if EXPERIMENT.archives is not None:
        return f"--folder '{from_project(EXPERIMENT.archives)}'"
    return "--kaggle"


def archive_file(wildcards):
    """The archive where the workflow does not download it: drawn, or in the user's folder. It is noted as needed."""
    ASKED_ARCHIVES.add(wildcards.archive)
    if EXPERIMENT.archives == "demo":
        return PATHS.drawn_archive(wildcards.archive)
    if EXPERIMENT.archives is None or missing_from(
        Path(from_project(EXPERIMENT.archives)), [wildcards.archive]
    ):
        return []
    return f"{from_project(EXPERIMENT.archives)}/{wildcards.archive}.zip"


def dataset_of_archive(archive):
    """Key of the dataset that an archive belongs to."""
    return next(
        dataset for dataset, archives in ARCHIVES_OF.items() if archive in archives
    )


def demo_options(wildcards):
    """How many look-alike images to draw, and how large."""
    dataset = EXPERIMENT.datasets[dataset_of_archive(wildcards.archive)]
    return f"--images {dataset.demo_images} --size {dataset.image_size}"


def records_of(wildcards):
    """Records of the archives of a dataset."""
    return [PATHS.archive_record(name) for name in ARCHIVES_OF[wildcards.dataset]]


def records_options(wildcards, input):
    """The same as arguments of src/prepare.py."""
    return " ".join(f"--record {record}" for record in input.records)


def slides_of(wildcards):
    """The user's table of slides, if there is one; where it is missing, src/prepare.py says so."""
    slides = EXPERIMENT.datasets[wildcards.dataset].slides
    exists = slides is not None and Path(from_project(slides)).exists()
    return from_project(slides) if exists else []


def prepare_options(wildcards):
    """Further arguments of src/prepare.py."""
    dataset = EXPERIMENT.datasets[wildcards.dataset]
    options = {
        "--size": dataset.image_size,
        "--seed": dataset.subset_seed,
        "--subset": dataset.subset,
        "--limit": dataset.limit,
    }
    if dataset.slides is not None:
        options["--slides"] = f"'{from_project(dataset.slides)}'"
    return " ".join(
        f"{name} {value}" for name, value in options.items() if value is not None
    )


def check_archives_at_hand():
    """Before anything runs: is there a way to the images that are still to be fetched?"""
    wanted = [
        archive
        for archive in ARCHIVES
        if archive in ASKED_ARCHIVES
        and not Path(PATHS.archive_record(archive)).exists()
    ]
    if EXPERIMENT.archives == "demo" or not wanted:
        return
    chosen = (
        None if EXPERIMENT.archives is None else Path(from_project(EXPERIMENT.archives))
    )
    if problem := way_to(chosen, wanted, token_present()):
        raise WorkflowError(problem)


def index_of(wildcards):
    """Index of a task's prepared images."""
    return PATHS.index(dataset_of(wildcards.task))


def split_of(wildcards):
    """The split of the run that wildcards name."""
    return INPUTS.split(run_of(wildcards))


def reports_options(wildcards, input):
    """Leakage reports as arguments of src/leakage.py."""
    return " ".join(f"--report {report}" for report in input)
