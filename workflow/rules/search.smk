# The grid search for loss weights, on validation scores alone: `snakemake grid_search`.


use rule train as train_trial with:
    output:
        history=PATHS.trial_history(ANY_RUN, "{trial}"),
        record=PATHS.trial_record(ANY_RUN, "{trial}"),
    log:
        PATHS.trial_log(ANY_RUN, "{trial}"),
    params:
        program=program("train.py"),
        settings=ASK.trial_settings,
        options=ASK.trial_words,
        data=subpath(input.data, parent=True),
        out=subpath(output.record, parent=True),


rule trials:
    output:
        PATHS.trials(ANY_RUN),
    log:
        f"{LOGS}/grid_search/{{protocol}}/{{task}}/{{pair}}/trials.log",
    params:
        content=digest(ASK.trial_rows),
    localrule: True
    run:
        write_csv(output[0], ASK.trial_rows(wildcards))


rule search_scores:
    input:
        trials=PATHS.trials(ANY_RUN),
        records=ASK.trial_records,
    output:
        scores=PATHS.scores(ANY_RUN),
        settings=PATHS.ranked_settings(ANY_RUN),
    log:
        f"{LOGS}/grid_search/{{protocol}}/{{task}}/{{pair}}/scores.log",
    params:
        program=program("search_scores.py"),
        code=code_of("search_scores.py"),
        mixed=ASK.mixed_code,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --trials {input.trials:q} {params.mixed:q} --scores {output.scores:q}"
        " --settings {output.settings:q} 2> {log:q}"


rule search_best:
    input:
        ASK.ranked_settings(),
    output:
        PATHS.hyperparameters(),
    log:
        f"{LOGS}/grid_search/hyperparameters.log",
    params:
        program=program("search_best.py"),
        code=code_of("search_best.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} {input:q} --out {output:q} 2> {log:q}"


rule grid_search:
    input:
        ASK.searched(),
    localrule: True
