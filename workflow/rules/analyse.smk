# From predictions to the tidy files that tables, figures and verdicts are made from.


rule runs:
    output:
        PATHS.runs(ANY_RUN),
    log:
        f"{LOGS}/runs/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        content=digest(ASK.run_rows),
    localrule: True
    run:
        write_csv(output[0], ASK.run_rows(wildcards))


rule evaluate:
    input:
        runs=PATHS.runs(ANY_RUN),
        predictions=ASK.of_runs(PATHS.predictions),
        validation=ASK.of_runs(PATHS.validation),
        histories=ASK.of_runs(PATHS.history),
        records=ASK.of_runs(PATHS.record),
        splits=there(ASK.splits_of_sheet),
        masks=there(ASK.masks),
        index=there(ASK.index),
    output:
        cases=PATHS.cases(ANY_RUN, "{sheet}"),
        regions=PATHS.regions(ANY_RUN, "{sheet}"),
        found=PATHS.found(ANY_RUN, "{sheet}"),
        confusion=PATHS.confusion(ANY_RUN, "{sheet}"),
        reliability=PATHS.reliability(ANY_RUN, "{sheet}"),
        coverage=PATHS.coverage(ANY_RUN, "{sheet}"),
        values=PATHS.values(ANY_RUN, "{sheet}"),
        by_seed=PATHS.by_seed(ANY_RUN, "{sheet}"),
        comparison=PATHS.comparison(ANY_RUN, "{sheet}"),
        curves=PATHS.curves(ANY_RUN, "{sheet}"),
        bands=PATHS.bands(ANY_RUN, "{sheet}"),
    log:
        f"{LOGS}/evaluate/{{protocol}}/{{task}}/{{pair}}/{{sheet}}.log",
    wildcard_constraints:
        sheet=either(set(EVALUATED) - {TEACHER_SHEET}),
    params:
        program=program("evaluate.py"),
        code=code_of("evaluate.py"),
        mixed=ASK.mixed_code,
        data=ASK.data,
        out=subpath(output.values, parent=True),
    resources:
        mem_mb=memory(16000),
        runtime=240,
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --sheet {wildcards.sheet:q} --data {params.data:q} {params.mixed:q}"
        " --out {params.out:q} 2> {log:q}"


# A few predictions of a classifier: seconds of work, which no cluster has to be asked for.
use rule evaluate as evaluate_teacher with:
    wildcard_constraints:
        sheet=TEACHER_SHEET,
    localrule: True


rule fidelity:
    input:
        runs=PATHS.runs(ANY_RUN),
        predictions=ASK.of_runs(PATHS.predictions),
        records=ASK.of_runs(PATHS.record),
        teachers=ASK.teachers,
        splits=there(ASK.splits_of_sheet),
        masks=there(ASK.masks),
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
        mixed=ASK.mixed_code,
        data=ASK.data,
        out=subpath(output.values, parent=True),
    resources:
        mem_mb=memory(16000),
        runtime=240,
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --data {params.data:q} {params.mixed:q} --out {params.out:q} 2> {log:q}"


rule contrasts:
    input:
        runs=PATHS.runs(ANY_RUN),
        cases=ASK.compared(PATHS.cases),
        regions=ASK.compared(PATHS.regions),
        fidelity=ASK.compared_fidelity,
        curves=ASK.compared_curves,
    output:
        contrasts=PATHS.contrasts(ANY_RUN, "{of}"),
        flips=PATHS.flips(ANY_RUN, "{of}"),
        non_inferiority=PATHS.non_inferiority(ANY_RUN, "{of}"),
        second_student=PATHS.second_student(ANY_RUN, "{of}"),
    log:
        f"{LOGS}/contrasts/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    wildcard_constraints:
        of="(?:)",  # nothing
    params:
        claims=Untracked(CLAIMS),
        program=program("contrasts.py"),
        code=code_of("contrasts.py"),
        mixed=ASK.mixed_code,
        sheets=ASK.compared_sheets,
        against=ASK.against_words,
    resources:
        mem_mb=memory(8000),
        runtime=60,
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --sheets {params.sheets:q} --cases {input.cases:q} --regions {input.regions:q}"
        " --fidelity {input.fidelity:q} --claims {params.claims:q} {params.mixed:q} {params.against:q}"
        " --out {output.contrasts:q} 2> {log:q}"


use rule contrasts as contrasts_of_methods with:
    output:
        contrasts=PATHS.contrasts(ANY_RUN, "{of}"),
    wildcard_constraints:
        of=OF_METHODS,


rule between_protocols:
    input:
        runs=ASK.runs_under_both,
        cases=ASK.scored_under_both(PATHS.cases),
        regions=ASK.scored_under_both(PATHS.regions),
    output:
        PATHS.between_protocols(ANY_RUN),
    log:
        f"{LOGS}/between_protocols/{{protocol}}/{{task}}/{{pair}}.log",
    wildcard_constraints:
        protocol=BY_IMAGE,
    params:
        program=program("between_protocols.py"),
        code=code_of("between_protocols.py"),
        mixed=ASK.mixed_code,
        sheets=ASK.scored_sheets,
    resources:
        mem_mb=memory(8000),
        runtime=60,
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --sheets {params.sheets:q} --cases {input.cases:q} --regions {input.regions:q}"
        " {params.mixed:q} --out {output:q} 2> {log:q}"


rule methods:
    input:
        runs=PATHS.runs(ANY_RUN),
        records=ASK.methods_records,
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


rule similarity:
    input:
        unpack(cka_inputs),
    output:
        layers=PATHS.cka(ANY_RUN, "{group}", "layers"),
        upper=PATHS.cka(ANY_RUN, "{group}", "upper"),
    log:
        f"{LOGS}/similarity/{{protocol}}/{{task}}/{{pair}}/{{group}}.log",
    params:
        program=program("similarity.py"),
        code=code_of("similarity.py"),
        data=subpath(input.data, parent=True),
        batch=EXPERIMENT.similarity.batch,
        passes=EXPERIMENT.similarity.passes,
        per_gpu=Untracked(EXPERIMENT.trainings_per_gpu),
    threads: threads(OF_A_RUN.threads)
    resources:
        gpu=OF_A_RUN.gpus,
        cpus_per_task=OF_A_RUN.cores,
        mem_mb=memory(24000),
        runtime=240,
    conda:
        ENVIRONMENT
    shell:
        "OMP_NUM_THREADS={threads} {params.program} --runs {input.runs:q} --group {wildcards.group:q}"
        " --data {params.data:q} --batch {params.batch:q} --passes {params.passes:q}"
        " --per-gpu {params.per_gpu:q} --layers {output.layers:q} --upper {output.upper:q} 2> {log:q}"


rule similarity_summary:
    input:
        runs=PATHS.runs(ANY_RUN),
        cka=OF_NETWORKS.cka_of_place,
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


rule networks:
    output:
        costs=OF_NETWORKS.costs_and_layers(PATHS.costs),
        layers=OF_NETWORKS.costs_and_layers(PATHS.layers),
        heads=PATHS.heads(),
    log:
        f"{LOGS}/networks.log",
    params:
        program=program("networks.py"),
        code=code_of("networks.py"),
        pairs=OF_NETWORKS.pairs_by_task,
        out=lambda wildcards, output: Path(output.costs[0]).parents[2],  # TASK/PAIR/costs.csv lies in it
    threads: threads(all_cores)  # or a whole node: latency is measured while nothing else runs
    resources:
        mem_mb=memory(16000),
        runtime=120,
        slurm_extra="--exclusive",
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --pairs {params.pairs:q} --out {params.out:q} 2> {log:q}"


rule compression:
    input:
        runs=PATHS.runs(ANY_RUN),
        costs=lambda wildcards: INPUTS.costs(wildcards),
        values=ASK.scored(PATHS.values),
        curves=ASK.scored(PATHS.curves),
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
        "{params.program} --runs {input.runs:q} --costs {input.costs:q} --values {input.values:q} --curves {input.curves:q}"
        " --out {output:q} 2> {log:q}"


# Slices that figures show


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
        options=ASK.slices_words,
        data=subpath(input.data, parent=True),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} {params.options:q} --data {params.data:q} --images {output.images:q}"
        " --out {output.csv:q} 2> {log:q}"


# Over all places


rule graphs:
    output:
        PATHS.graphs(),
    log:
        f"{LOGS}/graphs.log",
    params:
        content=digest(lambda wildcards: PLAN.graph_rows()),
    localrule: True
    run:
        write_csv(output[0], PLAN.graph_rows())


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


rule claims:
    input:
        [path for _, _, path in INPUTS.claims()],
        heads=PATHS.heads(),
    output:
        claims=paths.claims("csv"),
        readings=PATHS.readings(),
        design=PATHS.design(),
    log:
        f"{LOGS}/claims.log",
    params:
        claims=Untracked(CLAIMS),
        program=program("claims.py"),
        code=code_of("claims.py"),
        protocols=EXPERIMENT.claimed_protocols(),
        options=ASK.claims_words,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --claims {params.claims:q} --protocols {params.protocols:q} {params.options:q} --heads {input.heads:q}"
        " --readings {output.readings:q} --design {output.design:q} --out {output.claims:q} 2> {log:q}"
