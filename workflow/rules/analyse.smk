# From predictions to tidy tables.


rule evaluate:
    input:
        predictions=f"{RUN}/predictions.npz",
        split=split_of,
    output:
        metrics=f"{RUN}/metrics.json",
        cases=f"{RUN}/cases.csv",
        regions=f"{RUN}/regions.csv",
    log:
        f"{LOGS}/evaluate/{{protocol}}/{{task}}/{{pair}}/{{run}}/seed-{{seed}}.log",
    params:
        script=f"{SRC}/evaluate.py",
        data=data_of,
        kind=lambda wildcards: EXPERIMENT.tasks[wildcards.task].kind,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --predictions {input.predictions} --data {params.data} --split {input.split}"
        " --kind {params.kind} --out {output.metrics} --cases {output.cases} --regions {output.regions} 2> {log}"


rule collect:
    input:
        metrics_in,
    output:
        f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/metrics{{of}}.csv",
    log:
        f"{LOGS}/collect/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        script=f"{SRC}/collect.py",
        runs=descriptions_in,
        mixed=mixed_code(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} {params.mixed} --out {output} 2> {log}"


rule metrics:
    input:
        tidy_of(PLAN.runs),
    output:
        f"{RESULTS}/metrics.csv",
    log:
        f"{LOGS}/metrics.log",
    params:
        script=f"{SRC}/concatenate.py",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {input} --out {output} 2> {log}"


rule contrasts:
    input:
        cases_at,
        claims=CLAIMS,
    output:
        f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/contrasts{{of}}.csv",
    log:
        f"{LOGS}/contrasts/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        script=f"{SRC}/contrasts.py",
        options=contrasts_options,
        runs=measured_json,
        place=lambda wildcards: place_of(wildcards).name,
        classes=classes_of,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} --place {params.place} --classes {params.classes} --claims {input.claims}"
        " {params.options} --out {output} 2> {log}"


rule values:
    input:
        cases_in,
    output:
        f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/values{{of}}.csv",
    log:
        f"{LOGS}/values/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        script=f"{SRC}/values.py",
        mixed=mixed_code(),
        runs=valued_json,
        classes=classes_of,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} --classes {params.classes} {params.mixed} --out {output} 2> {log}"


rule compare:
    input:
        f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/values{{of}}.csv",
    output:
        f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/comparison{{of}}.csv",
    log:
        f"{LOGS}/compare/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        script=f"{SRC}/compare.py",
        architecture=compared_architecture,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --protocol {wildcards.protocol} --task {wildcards.task} --pair {wildcards.pair}"
        " {params.architecture} --values {input} --out {output} 2> {log}"


rule rivals:
    input:
        rivals_records,
    output:
        f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/rivals.csv",
    log:
        f"{LOGS}/rivals/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        script=f"{SRC}/rivals.py",
        runs=rivals_described,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} --out {output} 2> {log}"


rule teachers:
    input:
        teachers_predictions,
    output:
        f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/teachers.csv",
    log:
        f"{LOGS}/teachers/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        script=f"{SRC}/teachers.py",
        runs=teachers_runs,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} --out {output} 2> {log}"


rule similarity:
    input:
        unpack(similarity_inputs),
    output:
        layers=f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/similarity/{{group}}/seed-{{seed}}/layers.csv",
        upper=f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/similarity/{{group}}/seed-{{seed}}/upper.csv",
    log:
        f"{LOGS}/similarity/{{protocol}}/{{task}}/{{pair}}/{{group}}/seed-{{seed}}.log",
    params:
        script=f"{SRC}/similarity.py",
        runs=similarity_runs,
        data=subpath(input.data, parent=True),
        weights=weights_arguments,
        batch=EXPERIMENT.similarity.batch,
        passes=EXPERIMENT.similarity.passes,
    threads: train_threads
    conda:
        ENVIRONMENT
    shell:
        "OMP_NUM_THREADS={threads} python {params.script} --runs {params.runs:q} --data {params.data} {params.weights}"
        " --batch {params.batch} --passes {params.passes} --layers {output.layers} --upper {output.upper} 2> {log}"


rule networks:
    input:
        weights=pair_weights,
    output:
        costs=f"{RESULTS}/networks/{{task}}/{{pair_of_task}}/costs.csv",
        layers=f"{RESULTS}/networks/{{task}}/{{pair_of_task}}/layers.csv",
    log:
        f"{LOGS}/networks/{{task}}/{{pair_of_task}}.log",
    params:
        script=f"{SRC}/networks.py",
        networks=pair_networks,
        titles=pair_titles,
        options=task_options,
        weights=weights_arguments,
    threads: train_threads
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --networks {params.networks:q} --titles {params.titles:q} {params.options} {params.weights}"
        " --threads {threads} --costs {output.costs} --layers {output.layers} 2> {log}"


rule curves:
    input:
        lambda wildcards: [
            f"{folder(run)}/history.csv"
            for run in (RESULT_TABLES | GRIDS)[wildcards.table].runs
        ],
    output:
        runs=f"{RESULTS}/curves/{{table}}.csv",
        bands=f"{RESULTS}/curves/{{table}}-bands.csv",
    log:
        f"{LOGS}/curves/{{table}}.log",
    params:
        script=f"{SRC}/curves.py",
        runs=curves_runs,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} --out {output.runs} --bands {output.bands} 2> {log}"


rule slices:
    input:
        slices_inputs,
    output:
        images=f"{RESULTS}/slices/{{figure}}.npz",
        csv=f"{RESULTS}/slices/{{figure}}.csv",
    log:
        f"{LOGS}/slices/{{figure}}.log",
    params:
        script=f"{SRC}/slices.py",
        options=slices_options,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {params.options} --images {output.images} --out {output.csv} 2> {log}"


rule comparison:
    input:
        comparison_files(PLAN.runs),
    output:
        f"{RESULTS}/comparison.csv",
    log:
        f"{LOGS}/comparison.log",
    params:
        script=f"{SRC}/comparison.py",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {input} --out {output} 2> {log}"


rule claims:
    input:
        claims_inputs,
        claims=CLAIMS,
    output:
        "results/claims.csv",
    log:
        f"{LOGS}/claims.log",
    params:
        script=f"{SRC}/claims.py",
        places=claims_places(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --claims {input.claims} --places {params.places:q} --out {output} 2> {log}"
