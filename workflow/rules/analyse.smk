# From predictions to the tidy files that tables, figures and verdicts are made from.


def runs_at(wildcards):
    """Rows of runs.csv of a place."""
    return or_message(run_rows, place_of(wildcards), PLACES, PATHS)


def of_runs(path):
    """Input function: a file of every run of the sheet that wildcards name; `fidelity` where they name none."""

    def files(wildcards):
        sheet = wildcards.get("sheet", FIDELITY_SHEET)
        runs = INPUTS.runs_of(place_of(wildcards), sheet)
        if not runs:
            asked_for(sheet, INPUTS.sheets(place_of(wildcards)), "sheet")
        return [path(run) for run in runs]

    return files


def teachers_predictions(wildcards):
    """Predictions of independently seeded teachers, which fidelity is compared with."""
    teachers = PLACES.teachers_at(place_of(wildcards))
    return [PATHS.predictions(run) for run in teachers]


def masks_of(wildcards):
    """True masks, which segmentation is measured against."""
    segmentation = EXPERIMENT.tasks[wildcards.task].kind == "segmentation"
    return ancient(PATHS.masks(dataset_of(wildcards.task))) if segmentation else []


def splits_of_sheet(wildcards):
    """Splits that the runs of a sheet were tested on; the predictions tell whether they are other ones."""
    runs = INPUTS.runs_of(place_of(wildcards), wildcards.get("sheet", FIDELITY_SHEET))
    return list(map(ancient, INPUTS.splits_of(runs)))


rule runs:
    output:
        PATHS.runs(ANY_RUN),
    params:
        rows=runs_at,
    localrule: True
    run:
        write_csv(output[0], params.rows)


rule evaluate:
    input:
        runs=PATHS.runs(ANY_RUN),
        predictions=of_runs(PATHS.predictions),
        histories=of_runs(PATHS.history),
        records=of_runs(PATHS.record),
        splits=lambda wildcards: INPUTS.splits_of(
            INPUTS.runs_of(place_of(wildcards), wildcards.sheet)
        ),
        masks=masks_of,
    output:
        cases=PATHS.cases(ANY_RUN, "{sheet}"),
        regions=PATHS.regions(ANY_RUN, "{sheet}"),
        values=PATHS.values(ANY_RUN, "{sheet}"),
        by_seed=PATHS.by_seed(ANY_RUN, "{sheet}"),
        comparison=PATHS.comparison(ANY_RUN, "{sheet}"),
        curves=PATHS.curves(ANY_RUN, "{sheet}"),
        bands=PATHS.bands(ANY_RUN, "{sheet}"),
    log:
        f"{LOGS}/evaluate/{{protocol}}/{{task}}/{{pair}}/{{sheet}}.log",
    params:
        program=program("evaluate.py"),
        code=code_of("evaluate.py"),
        mixed=mixed_code,
        data=data_of,
        out=subpath(output.values, parent=True),
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --sheet {wildcards.sheet:q} --data {params.data:q} {params.mixed:q}"
        " --out {params.out:q} 2> {log:q}"


rule fidelity:
    input:
        runs=PATHS.runs(ANY_RUN),
        predictions=of_runs(PATHS.predictions),
        records=of_runs(PATHS.record),
        teachers=teachers_predictions,
        splits=lambda wildcards: INPUTS.splits_of(
            INPUTS.runs_of(place_of(wildcards), FIDELITY_SHEET)
        ),
        masks=masks_of,
    output:
        cases=PATHS.cases(ANY_RUN, FIDELITY_SHEET),
        values=PATHS.values(ANY_RUN, FIDELITY_SHEET),
        by_seed=PATHS.by_seed(ANY_RUN, FIDELITY_SHEET),
        comparison=PATHS.comparison(ANY_RUN, FIDELITY_SHEET),
        teachers=PATHS.teachers(ANY_RUN),
        summary=PATHS.teachers_summary(ANY_RUN),
    log:
        f"{LOGS}/fidelity/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        program=program("fidelity.py"),
        code=code_of("fidelity.py"),
        mixed=mixed_code,
        data=data_of,
        out=subpath(output.values, parent=True),
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --data {params.data:q} {params.mixed:q} --out {params.out:q} 2> {log:q}"


def compared(path):
    """Input function: a file of every sheet whose runs are contrasted."""

    def files(wildcards):
        place = place_of(wildcards)
        sheets = INPUTS.compared_sheets(place, wildcards.of)
        return [path(place, sheet) for sheet in sheets]

    return files


def fidelity_of_compared(wildcards):
    """Cases against the teachers, which claims on fidelity are about; published methods have none."""
    place = place_of(wildcards)
    wanted = not wildcards.of and PLACES.taught_at(place)
    return [PATHS.cases(place, FIDELITY_SHEET)] if wanted else []


rule contrasts:
    input:
        runs=PATHS.runs(ANY_RUN),
        cases=compared(PATHS.cases),
        regions=compared(PATHS.regions),
        fidelity=fidelity_of_compared,
    output:
        PATHS.contrasts(ANY_RUN, "{of}"),
    log:
        f"{LOGS}/contrasts/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        claims=Untracked(CLAIMS),
        program=program("contrasts.py"),
        code=code_of("contrasts.py"),
        mixed=mixed_code,
        sheets=lambda wildcards: INPUTS.compared_sheets(
            place_of(wildcards), wildcards.of
        ),
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --sheets {params.sheets:q} --cases {input.cases:q} --regions {input.regions:q}"
        " --fidelity {input.fidelity:q} --claims {params.claims:q} {params.mixed:q} --out {output:q} 2> {log:q}"


rule methods:
    input:
        runs=PATHS.runs(ANY_RUN),
        records=lambda wildcards: [
            PATHS.record(run) for run in PLACES.methods_at(place_of(wildcards))
        ],
    output:
        PATHS.methods(ANY_RUN),
    log:
        f"{LOGS}/methods/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        program=program("methods.py"),
        code=code_of("methods.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --out {output:q} 2> {log:q}"


# Networks opened after training


def cka_inputs(wildcards):
    """Weights of the runs of a group and of the networks that they are compared with, and start weights that say how to build them."""
    runs = PLACES.grouped(place_of(wildcards), wildcards.group, int(wildcards.seed))
    teachers = filter(None, map(PLACES.reference_of, runs))
    everything = dict.fromkeys([*runs, *teachers])
    return {
        "runs": PATHS.runs(place_of(wildcards)),
        **data_inputs(dataset_of(wildcards.task), with_masks=False),
        "splits": list(map(ancient, INPUTS.splits_of(runs))),
        "trained": [PATHS.weights(run) for run in everything],
        "weights": INPUTS.start_weights(everything),
    }


rule similarity:
    input:
        unpack(cka_inputs),
    output:
        layers=PATHS.cka(ANY_RUN, "{group}", "{seed}", "layers"),
        upper=PATHS.cka(ANY_RUN, "{group}", "{seed}", "upper"),
    log:
        f"{LOGS}/similarity/{{protocol}}/{{task}}/{{pair}}/{{group}}/seed-{{seed}}.log",
    params:
        program=program("similarity.py"),
        code=code_of("similarity.py"),
        data=subpath(input.data, parent=True),
        weights=weights_options,
        batch=EXPERIMENT.similarity.batch,
        passes=EXPERIMENT.similarity.passes,
    threads: train_threads
    conda:
        ENVIRONMENT
    shell:
        "OMP_NUM_THREADS={threads} {params.program} --runs {input.runs:q} --group {wildcards.group:q} --seed {wildcards.seed:q}"
        " --data {params.data:q} {params.weights:q} --batch {params.batch:q} --passes {params.passes:q} --layers {output.layers:q}"
        " --upper {output.upper:q} 2> {log:q}"


rule similarity_summary:
    input:
        runs=PATHS.runs(ANY_RUN),
        cka=lambda wildcards: INPUTS.cka(
            place_of(wildcards), PLACES.variants_at(place_of(wildcards)), "upper"
        ),
    output:
        similarity=PATHS.similarity(ANY_RUN),
        summary=PATHS.similarity_summary(ANY_RUN),
    log:
        f"{LOGS}/similarity_summary/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        program=program("similarity_summary.py"),
        code=code_of("similarity_summary.py"),
        folder=lambda wildcards: PATHS.cka_folder(wildcards),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --cka {params.folder:q} --out {output.similarity:q}"
        " --summary {output.summary:q} 2> {log:q}"


def networks_of_pair(wildcards):
    """Settings of a pair's teacher and student, by name."""
    return PLAN.architectures(wildcards.task, wildcards.pair_of_task)


def pair_networks(wildcards):
    """Settings of a pair's networks as JSON."""
    networks = networks_of_pair(wildcards)
    settings = {name: one.model_dump(mode="json") for name, one in networks.items()}
    return json.dumps(settings, sort_keys=True)


def pair_titles(wildcards):
    """What a pair's networks are called, as JSON."""
    titles = {
        name: EXPERIMENT.networks[one.architecture].title
        for name, one in networks_of_pair(wildcards).items()
    }
    return json.dumps(
        {"teacher": f"{titles['teacher']} (teacher)", "student": titles["student"]}
    )


def pair_weights(wildcards):
    """Start weights of a pair's networks: they say how a backbone is built."""
    networks = networks_of_pair(wildcards).values()
    names = {one.weights_name for one in networks if one.weights_name}
    return [PATHS.start_weights(name) for name in sorted(names)]


def network_options(wildcards):
    """Kind, outputs and image size of a task, and the numbers of students in ensembles, as arguments of a script."""
    task = EXPERIMENT.tasks[wildcards.task]
    size = EXPERIMENT.datasets[task.dataset].image_size
    students = INPUTS.numbers_of_students(wildcards.task, wildcards.pair_of_task)
    return [
        "--kind",
        task.kind,
        "--outputs",
        task.outputs,
        "--size",
        size,
        "--students",
        *students,
    ]


rule networks:
    input:
        weights=pair_weights,
    output:
        costs=PATHS.costs("{task}", "{pair_of_task}"),
        layers=PATHS.layers("{task}", "{pair_of_task}"),
    log:
        f"{LOGS}/networks/{{task}}/{{pair_of_task}}.log",
    params:
        program=program("networks.py"),
        code=code_of("networks.py"),
        networks=pair_networks,
        titles=pair_titles,
        options=network_options,
        weights=weights_options,
        threads=train_threads,
    threads: workflow.cores or 1  # all there are: latency is measured while nothing else runs
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --networks {params.networks:q} --titles {params.titles:q} {params.options:q} {params.weights:q}"
        " --threads {params.threads:q} --costs {output.costs:q} --layers {output.layers:q} 2> {log:q}"


rule compression:
    input:
        runs=PATHS.runs(ANY_RUN),
        costs=lambda wildcards: INPUTS.costs(place_of(wildcards)),
        values=lambda wildcards: INPUTS.scored(place_of(wildcards)),
    output:
        PATHS.compression(ANY_RUN),
    log:
        f"{LOGS}/compression/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        program=program("compression.py"),
        code=code_of("compression.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --costs {input.costs:q} --values {input.values:q} --out {output:q} 2> {log:q}"


# Slices that figures show


def slices_of(wildcards):
    """A figure of slices."""
    known = CONTENTS.named(CONTENTS.figures)
    known = {name: item for name, item in known.items() if item.kind == "slices"}
    return asked_for(wildcards.figure, known, "figure of slices")


def slices_rule(wildcards):
    """(rule, how many slices) of a figure."""
    return SLICES[int(slices_of(wildcards).options["number"])]


def slices_judges(wildcards):
    """Runs, by name, that say which slices are hard."""
    return INPUTS.judges(slices_of(wildcards), slices_rule(wildcards)[0])


def slices_inputs(wildcards):
    """Predictions of the shown runs and of the judges, their test set, and the table of runs."""
    item = slices_of(wildcards)
    runs = dict.fromkeys([*item.runs, *(run for _, run in slices_judges(wildcards))])
    dataset = dataset_of(item.place.task)
    return {
        "runs": PATHS.runs(item.place),
        "predictions": [PATHS.predictions(run) for run in runs],
        "split": list(map(ancient, INPUTS.splits_of(runs))),
        **data_inputs(dataset, with_masks=True),
    }


def slices_options(wildcards):
    """Arguments of src/slices.py."""
    item, (rule, count) = slices_of(wildcards), slices_rule(wildcards)
    networks = ["ensemble"] if item.options["number"] == "7" else ["s1", "s2"]
    judges = [name for name, _ in slices_judges(wildcards)]
    return [
        *(
            "--seed",
            item.runs[0].seed,
            "--show",
            *(run.run for run in item.runs),
            "--networks",
            *networks,
        ),
        *("--judges", *judges, "--rule", rule, "--count", count),
    ]


rule slices:
    input:
        unpack(slices_inputs),
    output:
        images=PATHS.slice_images("{figure}"),
        csv=PATHS.slices("{figure}"),
    log:
        f"{LOGS}/slices/{{figure}}.log",
    wildcard_constraints:
        figure=r"[a-z][\w-]*",
    params:
        program=program("slices.py"),
        code=code_of("slices.py"),
        options=slices_options,
        data=subpath(input.data, parent=True),
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} {params.options:q} --data {params.data:q} --images {output.images:q}"
        " --out {output.csv:q} 2> {log:q}"


# Over all places


rule graphs:
    output:
        PATHS.graphs(),
    params:
        rows=lambda wildcards: PLAN.graph_rows(),
    localrule: True
    run:
        write_csv(output[0], params.rows)


rule metrics:
    input:
        INPUTS.by_seed(),
    output:
        PATHS.all_metrics(),
    log:
        f"{LOGS}/metrics.log",
    params:
        program=program("metrics.py"),
        code=code_of("metrics.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} {input:q} --out {output:q} 2> {log:q}"


rule comparison:
    input:
        INPUTS.comparisons(),
    output:
        PATHS.whole_comparison(),
    log:
        f"{LOGS}/comparison.log",
    params:
        program=program("comparison.py"),
        code=code_of("comparison.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} {input:q} --out {output:q} 2> {log:q}"


def claims_options(wildcards):
    """Files that decide the claims, as arguments of src/claims.py."""
    found = {}
    for name, place, path in INPUTS.claims():
        found.setdefault(name, []).append(f"{place.folder}={path}")
    return [part for name, files in found.items() for part in (f"--{name}", *files)]


rule claims:
    input:
        [path for _, _, path in INPUTS.claims()],
    output:
        "results/claims.csv",
    log:
        f"{LOGS}/claims.log",
    params:
        claims=Untracked(CLAIMS),
        program=program("claims.py"),
        code=code_of("claims.py"),
        protocols=EXPERIMENT.run.protocols,
        options=claims_options,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --claims {params.claims:q} --protocols {params.protocols:q} {params.options:q} --out {output:q} 2> {log:q}"
