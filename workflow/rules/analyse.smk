# From predictions to tidy tables.


rule evaluate:
    input:
        predictions=PATHS.predictions(ANY_RUN),
        split=split_of,
    output:
        metrics=PATHS.metrics(ANY_RUN),
        cases=PATHS.cases(ANY_RUN),
        regions=PATHS.regions(ANY_RUN),
    log:
        f"{LOGS}/evaluate/{{protocol}}/{{task}}/{{pair}}/{{run}}/seed-{{seed}}.log",
    params:
        script=f"{SRC}/evaluate.py",
        code=code_of("evaluate.py"),
        data=data_of,
        kind=kind_of_task,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --predictions {input.predictions} --data {params.data} --split {input.split}"
        " --kind {params.kind} --out {output.metrics} --cases {output.cases} --regions {output.regions} 2> {log}"


rule collect:
    input:
        metrics_in,
    output:
        PATHS.tidy(ANY_RUN, "{of}"),
    log:
        f"{LOGS}/collect/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        script=f"{SRC}/collect.py",
        code=code_of("collect.py"),
        runs=descriptions_in,
        mixed=mixed_code(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} {params.mixed} --out {output} 2> {log}"


rule metrics:
    input:
        ANALYSES.tidy(PLAN.runs),
    output:
        PATHS.all_metrics(),
    log:
        f"{LOGS}/metrics.log",
    params:
        script=f"{SRC}/concatenate.py",
        code=code_of("concatenate.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {input} --out {output} 2> {log}"


rule summary:
    input:
        summarised,
    output:
        PATHS.summary(ANY_RUN, "{tidy}"),
    log:
        f"{LOGS}/summary/{{protocol}}/{{task}}/{{pair}}/{{tidy}}.log",
    params:
        script=f"{SRC}/summary.py",
        code=code_of("summary.py"),
        options=summary_options,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {input} {params.options} --out {output} 2> {log}"


rule contrasts:
    input:
        cases_of(contrasted),
        claims=CLAIMS,
    output:
        PATHS.contrasts(ANY_RUN, "{of}"),
    wildcard_constraints:
        of=f"|{OF_METHODS}",
    log:
        f"{LOGS}/contrasts/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        script=f"{SRC}/contrasts.py",
        code=code_of("contrasts.py"),
        options=contrasts_options,
        runs=folders_of(contrasted),
        place=name_of_place,
        classes=classes_of,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} --place {params.place} --classes {params.classes} --claims {input.claims}"
        " {params.options} --out {output} 2> {log}"


rule values:
    input:
        cases_of(valued),
    output:
        PATHS.values(ANY_RUN, "{of}"),
    log:
        f"{LOGS}/values/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        script=f"{SRC}/values.py",
        code=code_of("values.py"),
        mixed=mixed_code(),
        runs=folders_of(valued),
        classes=classes_of,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} --classes {params.classes} {params.mixed} --out {output} 2> {log}"


rule compare:
    input:
        PATHS.values(ANY_RUN, "{of}"),
    output:
        PATHS.comparison(ANY_RUN, "{of}"),
    log:
        f"{LOGS}/compare/{{protocol}}/{{task}}/{{pair}}{{of}}.log",
    params:
        script=f"{SRC}/compare.py",
        code=code_of("compare.py"),
        architecture=compared_architecture,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --protocol {wildcards.protocol} --task {wildcards.task} --pair {wildcards.pair}"
        " {params.architecture} --values {input} --out {output} 2> {log}"


rule methods:
    input:
        methods_records,
    output:
        PATHS.methods(ANY_RUN),
    log:
        f"{LOGS}/methods/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        script=f"{SRC}/methods.py",
        code=code_of("methods.py"),
        runs=methods_described,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} --out {output} 2> {log}"


rule teachers:
    input:
        predictions_of_teachers,
    output:
        PATHS.teachers(ANY_RUN),
    log:
        f"{LOGS}/teachers/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        script=f"{SRC}/teachers.py",
        code=code_of("teachers.py"),
        mixed=mixed_code(),
        runs=folders_of(independent),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} {params.mixed} --out {output} 2> {log}"


rule similarity:
    input:
        unpack(similarity_inputs),
    output:
        layers=PATHS.similarity(ANY_RUN, "{group}", "{seed}", "layers"),
        upper=PATHS.similarity(ANY_RUN, "{group}", "{seed}", "upper"),
    log:
        f"{LOGS}/similarity/{{protocol}}/{{task}}/{{pair}}/{{group}}/seed-{{seed}}.log",
    params:
        script=f"{SRC}/similarity.py",
        code=code_of("similarity.py"),
        runs=similarity_runs,
        data=subpath(input.data, parent=True),
        weights=weights_options,
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
        costs=PATHS.costs("{task}", "{pair_of_task}"),
        layers=PATHS.layers("{task}", "{pair_of_task}"),
    log:
        f"{LOGS}/networks/{{task}}/{{pair_of_task}}.log",
    params:
        script=f"{SRC}/networks.py",
        code=code_of("networks.py"),
        networks=pair_networks,
        titles=pair_titles,
        options=network_options,
        weights=weights_options,
    threads: train_threads
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --networks {params.networks:q} --titles {params.titles:q} {params.options} {params.weights}"
        " --threads {threads} --costs {output.costs} --layers {output.layers} 2> {log}"


rule compression:
    input:
        unpack(compression_inputs),
    output:
        PATHS.compression(ANY_RUN),
    log:
        f"{LOGS}/compression/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        script=f"{SRC}/scores_by_cost.py",
        code=code_of("scores_by_cost.py"),
        options=compression_options,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {params.options} --out {output} 2> {log}"


rule curves:
    input:
        curves_histories,
    output:
        runs=PATHS.curves("{table}"),
        bands=PATHS.bands("{table}"),
    log:
        f"{LOGS}/curves/{{table}}.log",
    params:
        script=f"{SRC}/curves.py",
        code=code_of("curves.py"),
        mixed=mixed_code(),
        runs=curves_runs,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --runs {params.runs:q} {params.mixed} --out {output.runs} --bands {output.bands} 2> {log}"


rule slices:
    input:
        slices_inputs,
    output:
        images=PATHS.slice_images("{figure}"),
        csv=PATHS.slices("{figure}"),
    log:
        f"{LOGS}/slices/{{figure}}.log",
    params:
        script=f"{SRC}/slices.py",
        code=code_of("slices.py"),
        options=slices_options,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {params.options} --images {output.images} --out {output.csv} 2> {log}"


rule comparison:
    input:
        ANALYSES.comparisons(PLAN.runs),
        ANALYSES.comparisons_of_fidelity(PLAN.runs),
    output:
        PATHS.whole_comparison(),
    log:
        f"{LOGS}/comparison.log",
    params:
        script=f"{SRC}/comparison.py",
        code=code_of("comparison.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {input} --out {output} 2> {log}"


rule claims:
    input:
        ANALYSES.claims(),
        claims=CLAIMS,
    output:
        "results/claims.csv",
    log:
        f"{LOGS}/claims.log",
    params:
        script=f"{SRC}/claims.py",
        code=code_of("claims.py"),
        protocols=EXPERIMENT.run.protocols,
        places=json.dumps(ANALYSES.claims_described()),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --claims {input.claims} --protocols {params.protocols} --places {params.places:q} --out {output} 2> {log}"
