"""Where archives lie, and what the rules from archives to splits ask for; what decides stands in the package, tested."""

from snakemake.logging import logger

from kdml.data.archives import ARCHIVES_OF, WITH_MASKS
from kdml.data.at_hand import AtHand
from kdml.data.kaggle_download import token_present
from kdml.experiment import archives

DRAWN = archives.is_drawn(EXPERIMENT)
ARCHIVES_FOLDER = or_message(archives.folder_of, EXPERIMENT, PATHS, ROOT)
AT_HAND = AtHand(
    Path(ARCHIVES_FOLDER),
    {name: Path(PATHS.archive_record(name)) for name in ARCHIVES},
    downloads=EXPERIMENT.archives is None,
)
# All drawn ones have a rule, so that Snakemake compares what they are drawn with; of others those alone that are new or have changed.
TO_FETCH = list(ARCHIVES) if DRAWN else or_message(AT_HAND.to_fetch)
WARNED = set()  # archives that the user was warned of


def drawn_archives(names):
    """Archives as inputs, where the workflow draws them."""
    return [PATHS.drawn_archive(name) for name in names] if DRAWN else []


def slides_content(wildcards):
    """Checksum of the table of slides of a data set, if there is one."""
    slides = or_message(archives.slides_of, EXPERIMENT, wildcards.dataset, ROOT)
    return or_message(archives.content_of_slides, wildcards.dataset, slides)


def prepare_inputs(wildcards):
    """Records of the archives, which say what they are; a table of slides that is missing is refused while old data still stand."""
    slides_content(wildcards)
    names = ARCHIVES_OF[wildcards.dataset]
    for name in () if DRAWN else names:
        if name not in WARNED and (warning := AT_HAND.warning(name)):
            logger.warning(warning)
            WARNED.add(name)
    return {
        "records": list(map(PATHS.archive_record, names)),
        "archives": list(map(ancient, drawn_archives(names))),
    }


def prepare_options(wildcards):
    """Arguments of src/prepare.py that decide what the arrays hold."""
    slides = archives.slides_of(EXPERIMENT, wildcards.dataset, ROOT)
    return archives.prepare_options(EXPERIMENT.datasets[wildcards.dataset], slides)


def demo_options(wildcards):
    """Arguments of src/draw_demo.py."""
    dataset = next(
        key for key, names in ARCHIVES_OF.items() if wildcards.archive in names
    )
    return archives.demo_options(EXPERIMENT.datasets[dataset])


def each(option, files):
    """Files as arguments, each after the option."""
    return [word for file in files for word in (option, file)]


def tracked(files):
    """Inputs of a job: what is compared, and what must be there but is not, because Snakemake compares times of large files."""
    compared, there = files
    return compared | {name: ancient(path) for name, path in there.items()}


def data_inputs(dataset, with_masks):
    """Inputs `data` (the report), `images` and, where they are read, `masks` of a job."""
    return tracked(archives.data_files(PATHS, dataset, with_masks))


def split_inputs(protocol, task, seed):
    """Inputs `split_report` and `split` of a job."""
    return tracked(archives.split_files(PATHS, protocol, task, seed))


def check_archives_at_hand():
    """Before anything runs: can the archives be had that planned jobs read?"""
    jobs = [] if DRAWN else list(workflow.dag.needrun_jobs())
    fetched = {job.wildcards.archive for job in jobs if job.rule.name == "fetch"}
    prepared = {
        job.wildcards.dataset
        for job in jobs
        if job.rule.name in ("prepare", "prepare_masks")
    }
    has_token = bool(fetched) and AT_HAND.downloads and or_message(token_present)
    if problem := AT_HAND.obstacle(fetched, prepared, has_token):
        raise WorkflowError(problem)


# Jobs that read prepared data


def there(find):
    """Input function: files that must be there, but whose time is not compared, because something small says whether they are the same."""
    return lambda wildcards: list(map(ancient, find(wildcards)))


def train_inputs(wildcards):
    """Data, split, start weights, and the trained teacher of an offline distillation."""
    run = ASK.run(wildcards)
    data = data_inputs(ASK.dataset(run.task), ASK.has_masks(run.task))
    split = split_inputs(run.protocol, run.task, PLAN.split_seed(run))
    return data | split | ASK.networks_of_run(run)


def cka_inputs(wildcards):
    """Table of runs, data, splits, and networks of a job that computes CKA."""
    splits = INPUTS.splits_of(ASK.cka_runs(wildcards))
    return {
        "runs": PATHS.runs(wildcards),
        **data_inputs(ASK.dataset(wildcards.task), with_masks=False),
        "splits": list(map(ancient, splits)),
        **ASK.cka_networks(wildcards),
    }


def slices_inputs(wildcards):
    """Table of runs, predictions, test set and data of a figure of slices."""
    place, runs = ASK.slices_figure(wildcards).place, ASK.slices_runs(wildcards)
    return {
        "runs": PATHS.runs(place),
        "predictions": [PATHS.predictions(run) for run in runs],
        "split": list(map(ancient, INPUTS.splits_of(runs))),
        **data_inputs(ASK.dataset(place.task), with_masks=True),
    }


def export_inputs(wildcards):
    """Table of runs, what they have left, data, splits and archives of a folder to take home; refused without the packages for it."""
    if not CONDA:
        or_message(need, "export", "`snakemake export`")
    dataset = ASK.dataset(wildcards.task)
    names = ARCHIVES_OF[dataset]
    return {
        "runs": PATHS.runs(wildcards),
        **EXPORT.of_runs(wildcards),
        **data_inputs(dataset, ASK.has_masks(wildcards.task)),
        "index": ancient(PATHS.index(dataset)),
        "splits": list(map(ancient, EXPORT.splits(wildcards))),
        "archive_records": list(map(PATHS.archive_record, names)),
        "archives": list(map(ancient, drawn_archives(names))),
    }
