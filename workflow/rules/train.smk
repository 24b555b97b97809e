# From start weights to test-set predictions.


rule weights:
    input:
        weights_file,
    output:
        PATHS.start_weights("{weights}"),
    log:
        f"{LOGS}/weights/{{weights}}.log",
    params:
        script=f"{SRC}/fetch_weights.py",
        entry=weights_entry,
        backbone=weights_backbone,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --weights {params.entry:q} --name {wildcards.weights} --timm {params.backbone}"
        " --out {output} 2> {log}"


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
        script=f"{SRC}/train.py",
        settings=settings_of,
        options=train_options,
        data=subpath(input.data, parent=True),
        out=subpath(output.record, parent=True),
        workers=EXPERIMENT.loader_workers,
        minutes=EXPERIMENT.checkpoint_minutes,
    threads: train_threads
    conda:
        ENVIRONMENT
    shell:
        "OMP_NUM_THREADS={threads} python {params.script} --settings {params.settings:q} --data {params.data} --split {input.split}"
        " {params.options} --workers {params.workers} --checkpoint-minutes {params.minutes} --out {params.out} 2> {log}"
