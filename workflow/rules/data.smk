# From archives to splits.


rule draw_demo:
    output:
        PATHS.drawn_archive("{archive}"),
    log:
        f"{LOGS}/draw_demo/{{archive}}.log",
    params:
        script=f"{SRC}/draw_demo.py",
        options=demo_options,
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --archive {wildcards.archive} --seed 0 {params.options} --out {output} 2> {log}"


rule fetch:
    input:
        archive_file,
    output:
        PATHS.archive_record("{archive}"),
    log:
        f"{LOGS}/fetch/{{archive}}.log",
    params:
        script=f"{SRC}/fetch.py",
        source=archive_source,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --archive {wildcards.archive} {params.source} --store resources/kaggle --record {output} 2> {log}"


rule prepare:
    input:
        records=records_of,
        slides=slides_of,
    output:
        report=PATHS.data_report("{dataset}"),
        index=PATHS.index("{dataset}"),
        images=PATHS.images("{dataset}"),
    log:
        f"{LOGS}/prepare/{{dataset}}.log",
    params:
        script=f"{SRC}/prepare.py",
        options=prepare_options,
        records=records_options,
        out=subpath(output.report, parent=True),
    threads: 2
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --dataset {wildcards.dataset} {params.records} {params.options} --threads {threads}"
        " --out {params.out} 2> {log}"


rule split:
    input:
        index_of,
    output:
        split=PATHS.split("{protocol}", "{task}", "{seed}"),
        report=PATHS.split_report("{protocol}", "{task}", "{seed}"),
    log:
        f"{LOGS}/split/{{protocol}}/{{task}}/{{seed}}.log",
    params:
        script=f"{SRC}/split.py",
        fractions=" ".join(map(str, EXPERIMENT.split.fractions)),
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --index {input} --task {wildcards.task} --protocol {wildcards.protocol} --fractions {params.fractions}"
        " --seed {wildcards.seed} --out {output.split} --report {output.report} 2> {log}"


rule leakage:
    input:
        INPUTS.split_reports(),
    output:
        csv=PATHS.leakage("csv"),
        md=PATHS.leakage("md"),
    log:
        f"{LOGS}/leakage.log",
    params:
        script=f"{SRC}/leakage.py",
        code=code_of("leakage.py"),
        reports=reports_options,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {params.reports} --out {output.csv} {output.md} 2> {log}"
