# From start weights to test-set predictions.


rule weights:
    output:
        PATHS.start_weights("{weights}"),
    log:
        f"{LOGS}/weights/{{weights}}.log",
    params:
        program=program("weights.py"),
        entry=ASK.weights_entry,
        file=ASK.weights_file,
        content=ASK.weights_content,
        backbone=ASK.weights_backbone,
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
        validation=PATHS.validation(ANY_RUN),
        record=PATHS.record(ANY_RUN),
    log:
        PATHS.train_log(ANY_RUN),
    params:
        program=program("train.py"),
        settings=ASK.settings,
        options=ASK.train_words,
        data=subpath(input.data, parent=True),
        out=subpath(output.record, parent=True),
    threads: threads(OF_A_RUN.threads)
    resources:
        gpu=OF_A_RUN.gpus,
        cpus_per_task=OF_A_RUN.cores,
        mem_mb=memory(24000),
        runtime=1440,
        slurm_extra="--signal=TERM@120",  # two minutes to save before the time is up
    conda:
        ENVIRONMENT
    shell:
        "OMP_NUM_THREADS={threads} {params.program} --settings {params.settings:q} --data {params.data:q} --split {input.split:q}"
        " {params.options:q} --out {params.out:q} 2> {log:q}"


rule evaluate_run:
    input:
        data=lambda wildcards: PATHS.data_report(ASK.dataset(wildcards.task)),
        split=lambda wildcards: ancient(INPUTS.split(ASK.run(wildcards))),
        predictions=PATHS.predictions(ANY_RUN),
        validation=PATHS.validation(ANY_RUN),
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
