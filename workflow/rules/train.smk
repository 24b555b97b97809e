# From start weights to test-set predictions.


def weights_entry(wildcards):
    """A weights entry of the configuration as JSON, without the place of its file, which is no part of what it is."""
    entry = EXPERIMENT.weights[wildcards.weights]
    return entry.model_dump_json(exclude={"path"}, exclude_none=True)


def weights_file(wildcards):
    """The local file that start weights are taken from, if they are, as an argument of a script."""
    path = EXPERIMENT.weights[wildcards.weights].path
    return [] if path is None else ["--file", Untracked(from_project(path))]


def weights_content(wildcards):
    """Checksum of that file, so that another content makes the start weights again, and another place does not."""
    path = EXPERIMENT.weights[wildcards.weights].path
    file = None if path is None else Path(from_project(path))
    return sha256_of(file) if file is not None and file.is_file() else ""


def weights_backbone(wildcards):
    """The timm backbone that start weights are for."""
    networks = EXPERIMENT.networks.values()
    return next(one.timm for one in networks if one.weights == wildcards.weights)


def train_inputs(wildcards):
    """Data, split, start weights, and the trained teacher of an offline distillation."""
    run = run_of(wildcards)
    segmentation = EXPERIMENT.tasks[run.task].kind == "segmentation"
    inputs = data_inputs(dataset_of(run.task), with_masks=segmentation)
    inputs |= split_inputs(run.protocol, run.task, PLAN.split_seed(run))
    inputs |= {"weights": INPUTS.start_weights([run])}
    if (teacher := PLAN.teacher_of(run)) is not None:
        inputs["teacher"] = PATHS.weights(teacher)
    return inputs


def weights_options(wildcards, input):
    """Start weights as arguments of a script."""
    return [
        part
        for path in input.get("weights", [])
        for part in ("--weights", f"{Path(path).stem}={path}")
    ]


def train_options(wildcards, input):
    """Arguments of src/train.py that not every run has."""
    teacher = ["--teacher", input.teacher] if "teacher" in input.keys() else []
    return [*weights_options(wildcards, input), *teacher]


rule weights:
    output:
        PATHS.start_weights("{weights}"),
    log:
        f"{LOGS}/weights/{{weights}}.log",
    params:
        program=program("weights.py"),
        entry=weights_entry,
        file=weights_file,
        content=weights_content,
        backbone=weights_backbone,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --weights {params.entry:q} {params.file:q} --name {wildcards.weights:q}"
        " --timm {params.backbone:q} --out {output:q} 2> {log:q}"


rule train:
    input:
        unpack(train_inputs),
    output:
        weights=PATHS.weights(ANY_RUN),
        history=PATHS.history(ANY_RUN),
        predictions=PATHS.predictions(ANY_RUN),
        record=PATHS.record(ANY_RUN),
    log:
        f"{LOGS}/train/{{protocol}}/{{task}}/{{pair}}/{{run}}/seed-{{seed}}.log",
    benchmark:
        PATHS.benchmark(ANY_RUN)
    params:
        program=program("train.py"),
        settings=lambda wildcards: PLAN.settings(run_of(wildcards)).to_json(),
        options=train_options,
        parts=[],
        data=subpath(input.data, parent=True),
        out=subpath(output.record, parent=True),
        workers=EXPERIMENT.loader_workers,
        minutes=EXPERIMENT.checkpoint_minutes,
    threads: train_threads
    conda:
        ENVIRONMENT
    shell:
        "OMP_NUM_THREADS={threads} {params.program} --settings {params.settings:q} --data {params.data:q} --split {input.split:q}"
        " {params.options:q} --workers {params.workers:q} --checkpoint-minutes {params.minutes:q} {params.parts:q} --out {params.out:q}"
        " 2> {log:q}"


rule evaluate_run:
    input:
        data=lambda wildcards: PATHS.data_report(dataset_of(wildcards.task)),
        split=lambda wildcards: ancient(INPUTS.split(run_of(wildcards))),
        predictions=PATHS.predictions(ANY_RUN),
        record=PATHS.record(ANY_RUN),
    output:
        metrics=PATHS.run_metrics(ANY_RUN),
        cases=PATHS.run_cases(ANY_RUN),
        regions=PATHS.run_regions(ANY_RUN),
    log:
        f"{LOGS}/evaluate_run/{{protocol}}/{{task}}/{{pair}}/{{run}}/seed-{{seed}}.log",
    params:
        program=program("evaluate_run.py"),
        code=code_of("evaluate_run.py"),
        data=subpath(input.data, parent=True),
        run=subpath(input.record, parent=True),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --run {params.run:q} --split {input.split:q} --data {params.data:q} --out {output.metrics:q}"
        " --cases {output.cases:q} --regions {output.regions:q} 2> {log:q}"
