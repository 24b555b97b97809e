# The grid search for loss weights, on validation scores alone: `snakemake grid_search`.


rule train_trial:
    input:
        unpack(train_inputs),
    output:
        history=PATHS.trial_history(ANY_RUN, "{trial}"),
        record=PATHS.trial_record(ANY_RUN, "{trial}"),
    log:
        f"{LOGS}/grid_search/{{protocol}}/{{task}}/{{pair}}/{{run}}/{{trial}}/seed-{{seed}}.log",
    params:
        script=f"{SRC}/train.py",
        settings=trial_settings,
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
        " {params.options} --workers {params.workers} --checkpoint-minutes {params.minutes} --validation-only --out {params.out} 2> {log}"


rule search_scores:
    input:
        trial_records,
    output:
        trials=PATHS.trials(ANY_RUN),
        scores=PATHS.scores(ANY_RUN),
    log:
        f"{LOGS}/grid_search/{{protocol}}/{{task}}/{{pair}}/scores.log",
    params:
        script=f"{SRC}/search_scores.py",
        code=code_of("search_scores.py"),
        trials=trials_described,
        mixed=mixed_code(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "printf '%s' {params.trials:q} > {output.trials} &&"
        " python {params.script} --trials {output.trials} {params.mixed} --out {output.scores} 2> {log}"


rule search_best:
    input:
        search_scores(),
    output:
        PATHS.hyperparameters(),
    log:
        f"{LOGS}/grid_search/hyperparameters.log",
    params:
        script=f"{SRC}/search_best.py",
        code=code_of("search_best.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {input} --out {output} 2> {log}"


rule grid_search:
    input:
        search_outputs(),
    localrule: True
