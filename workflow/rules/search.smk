# The grid search for loss weights, on validation scores alone: `snakemake grid_search`.


SETTINGS = "add its settings to `grid_search:` in the configuration"


def trial_settings(wildcards):
    """Settings of a trial as JSON."""
    trials = SEARCH.of_run(run_of(wildcards))
    trial = asked_for(wildcards.trial, trials, "trial", SETTINGS)
    return SEARCH.settings(trial).to_json()


def trials_at(wildcards):
    """Trials of one protocol, task and pair."""
    return SEARCH.at(wildcards.protocol, wildcards.task, wildcards.pair)


def trials_described(wildcards):
    """Rows of trials.csv: folder of every trial of a place, and its columns in the table of scores."""
    return [
        {"folder": PATHS.trial(trial.run, trial.name), **SEARCH.describe(trial)}
        for trial in trials_at(wildcards)
    ]


use rule train as train_trial with:
    output:
        history=PATHS.trial_history(ANY_RUN, "{trial}"),
        record=PATHS.trial_record(ANY_RUN, "{trial}"),
    log:
        f"{LOGS}/grid_search/{{protocol}}/{{task}}/{{pair}}/{{run}}/{{trial}}/seed-{{seed}}.log",
    benchmark:
        f"{PATHS.trial(ANY_RUN, '{trial}')}/benchmark.tsv"
    params:
        program=program("train.py"),
        settings=trial_settings,
        options=train_options,
        parts=["--validation-only"],
        data=subpath(input.data, parent=True),
        out=subpath(output.record, parent=True),
        workers=EXPERIMENT.loader_workers,
        minutes=EXPERIMENT.checkpoint_minutes,


rule trials:
    output:
        PATHS.trials(ANY_RUN),
    params:
        rows=trials_described,
    localrule: True
    run:
        write_csv(output[0], params.rows)


rule search_scores:
    input:
        trials=PATHS.trials(ANY_RUN),
        records=lambda wildcards: [
            PATHS.trial_record(trial.run, trial.name) for trial in trials_at(wildcards)
        ],
    output:
        scores=PATHS.scores(ANY_RUN),
        settings=PATHS.ranked_settings(ANY_RUN),
    log:
        f"{LOGS}/grid_search/{{protocol}}/{{task}}/{{pair}}/scores.log",
    params:
        program=program("search_scores.py"),
        code=code_of("search_scores.py"),
        mixed=mixed_code,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --trials {input.trials:q} {params.mixed:q} --scores {output.scores:q}"
        " --settings {output.settings:q} 2> {log:q}"


rule search_best:
    input:
        list(dict.fromkeys(map(PATHS.ranked_settings, SEARCH.variants))),
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
        ([PATHS.hyperparameters()] if SEARCH.places else [])
        + CONTENTS.files_of(["grid_search", "search"]),
    localrule: True
