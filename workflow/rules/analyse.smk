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
        f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/metrics.csv",
    log:
        f"{LOGS}/collect/{{protocol}}/{{task}}/{{pair}}.log",
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
