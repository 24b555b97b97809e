"""Where archives lie, and what the rules from archives to splits ask for; what decides stands in the package, tested."""

from snakemake.logging import logger

from kdml.data.archives import NAME_SOURCE, archives_of, not_there
from kdml.data.at_hand import AtHand
from kdml.data.kaggle_client import token_present
from kdml.data.layouts import Choice
from kdml.data.own import check_own, own_of
from kdml.experiment import archives

DRAWN = archives.is_drawn(EXPERIMENT)
ARCHIVES_FOLDER = or_message(archives.folder_of, EXPERIMENT, PATHS, ROOT)
# Folder or zip of every data set of the user's own, by the name of its archive.
OWN_SOURCES = {
    archives_of(key)[0]: Path(or_message(archives.own_source, EXPERIMENT, key, ROOT))
    for key in EXPERIMENT.own_datasets
}
AT_HAND = AtHand(
    Path(ARCHIVES_FOLDER),
    {
        name: Path(PATHS.archive_record(name))
        for name in (*(() if DRAWN else ARCHIVES), *OWN_SOURCES)
    },
    downloads=EXPERIMENT.archives is None,
    own=OWN_SOURCES,
)
# All drawn ones have a rule, so that Snakemake compares what they are drawn with; of others those alone that are new or have changed.
TO_FETCH = [*(ARCHIVES if DRAWN else ()), *or_message(AT_HAND.to_fetch)]
CHECKED = archives.checked_files(EXPERIMENT, PATHS)
WARNED = set()  # archives that the user was warned of


def drawn_archives(names):
    """Archives as inputs, where the workflow draws them."""
    return [PATHS.drawn_archive(name) for name in names if DRAWN and name in ARCHIVES]


def fetch_options(wildcards):
    """Arguments of src/fetch.py that say where an archive comes from."""
    name = wildcards.archive
    return archives.fetch_options(EXPERIMENT, ARCHIVES_FOLDER, OWN_SOURCES.get(name))


def archive_content(wildcards):
    """What an archive is, so that another is recorded anew; drawn ones are inputs of their records."""
    is_drawn = bool(drawn_archives([wildcards.archive]))
    return "" if is_drawn else AT_HAND.content(wildcards.archive)


def table_of(wildcards):
    """Where the user's own table on a data set lies, if it is a file."""
    return or_message(archives.table_of, EXPERIMENT, wildcards.dataset, ROOT)


def table_content(wildcards):
    """Checksum of the user's own table on a data set, if there is one."""
    return or_message(archives.content_of_table, wildcards.dataset, table_of(wildcards))


@functools.cache
def check_own_data(dataset):
    """Refuse data of the user's own that are not as configured, while old data still stand; what was prepared needs its pictures no more."""
    (name,) = archives_of(dataset)
    source, configured = OWN_SOURCES[name], EXPERIMENT.datasets[dataset]
    if not source.exists():
        if not Path(PATHS.data_report(dataset)).exists():
            raise WorkflowError(str(UserError(not_there(name, source), NAME_SOURCE)))
        return
    table = or_message(archives.table_of, EXPERIMENT, dataset, ROOT)
    own = own_of(archives.described(configured, table, dataset), table)
    choice = Choice(limit=configured.limit, seed=configured.subset_seed)
    or_message(check_own, own, source, choice)


def prepare_inputs(wildcards):
    """Records of the archives, which say what they are; a table of slides that is missing is refused while old data still stand."""
    table_content(wildcards)
    names = archives_of(wildcards.dataset)
    if wildcards.dataset in EXPERIMENT.own_datasets:
        check_own_data(wildcards.dataset)
    for name in names:
        if name not in WARNED and (warning := AT_HAND.warning(name)):
            logger.warning(warning)
            WARNED.add(name)
    return {
        "records": list(map(PATHS.archive_record, names)),
        "archives": list(map(ancient, drawn_archives(names))),
    }


def archives_folder(wildcards):
    """Where the archives of a data set, or of a task's, lie, which is no reason to make anything of them again."""
    task = wildcards.get("task")
    (name, *_) = archives_of(wildcards.dataset if task is None else ASK.dataset(task))
    return Untracked(OWN_SOURCES.get(name, ARCHIVES_FOLDER))


def prepare_options(wildcards):
    """Arguments of src/prepare.py that decide what the arrays hold."""
    name = wildcards.dataset
    return archives.prepare_options(
        EXPERIMENT.datasets[name], table_of(wildcards), name
    )


def check_options(wildcards):
    """Arguments of src/check_data.py."""
    return archives.check_options(EXPERIMENT, PATHS)


def demo_options(wildcards):
    """Arguments of src/draw_demo.py."""
    dataset = next(
        key for key in EXPERIMENT.datasets if wildcards.archive in archives_of(key)
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
    jobs = list(workflow.dag.needrun_jobs())
    fetched = {job.wildcards.archive for job in jobs if job.rule.name == "fetch"}
    prepared = {
        job.wildcards.dataset
        for job in jobs
        if job.rule.name in ("prepare", "prepare_masks")
    }
    if DRAWN:  # what is drawn is at hand once it is needed
        fetched -= set(ARCHIVES)
        prepared &= EXPERIMENT.own_datasets.keys()
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
    splits = INPUTS.splits_of(OF_NETWORKS.cka_runs(wildcards))
    return {
        "runs": PATHS.runs(wildcards),
        **data_inputs(ASK.dataset(wildcards.task), with_masks=False),
        "splits": list(map(ancient, splits)),
        "trained": OF_NETWORKS.cka_networks(wildcards),
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
    names = archives_of(dataset)
    return {
        "runs": PATHS.runs(wildcards),
        **EXPORT.of_runs(wildcards),
        **data_inputs(dataset, ASK.has_masks(wildcards.task)),
        "index": ancient(PATHS.index(dataset)),
        "splits": list(map(ancient, EXPORT.splits(wildcards))),
        "archive_records": list(map(PATHS.archive_record, names)),
        "archives": list(map(ancient, drawn_archives(names))),
    }
