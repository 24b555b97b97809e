# From archives to splits.
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
TOLD = set()  # of which archives a warning was said


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
        if name not in TOLD and (warning := AT_HAND.warning(name)):
            logger.warning(warning)
            TOLD.add(name)
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


def data_of(wildcards):
    """Folder of the prepared arrays of a task's dataset."""
    return PATHS.data(dataset_of(wildcards.task))


def check_archives_at_hand():
    """Before anything runs: can the archives be had that planned jobs read?"""
    jobs = [] if DRAWN else list(workflow.dag.needrun_jobs())
    fetched = {job.wildcards.archive for job in jobs if job.rule.name == "fetch"}
    prepared = {
        job.wildcards.dataset
        for job in jobs
        if job.rule.name in ("prepare", "prepare_masks")
    }
    if problem := AT_HAND.obstacle(fetched, prepared, token_present()):
        raise WorkflowError(problem)


rule draw_demo:
    output:
        PATHS.drawn_archive("{archive}"),
    log:
        f"{LOGS}/draw_demo/{{archive}}.log",
    params:
        program=program("draw_demo.py"),
        options=demo_options,
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --archive {wildcards.archive:q} {params.options:q} --out {output:q} 2> {log:q}"


rule fetch:
    input:
        lambda wildcards: drawn_archives([wildcards.archive]),
    output:
        PATHS.archive_record("{archive}"),
    log:
        f"{LOGS}/fetch/{{archive}}.log",
    wildcard_constraints:
        archive=either(TO_FETCH),
    params:
        program=program("fetch.py"),
        content=lambda wildcards: "" if DRAWN else AT_HAND.content(wildcards.archive),
        source=archives.fetch_options(EXPERIMENT, ARCHIVES_FOLDER),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --archive {wildcards.archive:q} {params.source:q} --record {output:q} 2> {log:q}"


rule prepare:
    input:
        unpack(prepare_inputs),
    output:
        report=PATHS.data_report("{dataset}"),
        index=PATHS.index("{dataset}"),
        images=PATHS.images("{dataset}"),
    log:
        f"{LOGS}/prepare/{{dataset}}.log",
    wildcard_constraints:
        dataset=either(set(EXPERIMENT.datasets) - set(WITH_MASKS)),
    params:
        program=program("prepare.py"),
        archives=Untracked(ARCHIVES_FOLDER),
        options=prepare_options,
        slides=slides_content,
        records=lambda wildcards, input: each("--record", input.records),
        out=subpath(output.report, parent=True),
    threads: 2
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --dataset {wildcards.dataset:q} {params.records:q} --archives {params.archives:q} {params.options:q}"
        " --threads {threads} --out {params.out:q} 2> {log:q}"


use rule prepare as prepare_masks with:
    output:
        report=PATHS.data_report("{dataset}"),
        index=PATHS.index("{dataset}"),
        images=PATHS.images("{dataset}"),
        masks=PATHS.masks("{dataset}"),
    wildcard_constraints:
        dataset=either(WITH_MASKS),


rule split:
    input:
        report=lambda wildcards: PATHS.data_report(dataset_of(wildcards.task)),
        index=lambda wildcards: ancient(PATHS.index(dataset_of(wildcards.task))),
    output:
        split=PATHS.split("{protocol}", "{task}", "{seed}"),
        report=PATHS.split_report("{protocol}", "{task}", "{seed}"),
    log:
        f"{LOGS}/split/{{protocol}}/{{task}}/{{seed}}.log",
    params:
        program=program("split.py"),
        fractions=list(EXPERIMENT.split.fractions),
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --index {input.index:q} --task {wildcards.task:q} --protocol {wildcards.protocol:q}"
        " --fractions {params.fractions:q} --seed {wildcards.seed:q} --out {output.split:q} --report {output.report:q} 2> {log:q}"


rule leakage:
    input:
        INPUTS.split_reports(),
    output:
        csv=PATHS.leakage("csv"),
        md=PATHS.leakage("md"),
    log:
        f"{LOGS}/leakage.log",
    params:
        program=program("leakage.py"),
        code=code_of("leakage.py"),
        reports=lambda wildcards, input: each("--report", input),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} {params.reports:q} --out {output.csv:q} {output.md:q} 2> {log:q}"
