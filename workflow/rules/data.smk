# From archives to splits.


rule draw_demo:
    output:
        f"{RESOURCES}/archives/{{archive}}.zip",
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
        f"{RESULTS}/archives/{{archive}}.json",
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
        records_of,
    output:
        report=f"{RESULTS}/data/{{dataset}}/report.json",
        index=f"{RESULTS}/data/{{dataset}}/index.parquet",
        images=f"{RESULTS}/data/{{dataset}}/images.npy",
    log:
        f"{LOGS}/prepare/{{dataset}}.log",
    params:
        script=f"{SRC}/prepare.py",
        options=prepare_options,
        records=lambda wildcards, input: " ".join(
            f"--record {record}" for record in input
        ),
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
        split=f"{RESULTS}/{{protocol}}/{{task}}/split-{{seed}}.csv",
        report=f"{RESULTS}/{{protocol}}/{{task}}/leakage-{{seed}}.json",
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
        split_reports,
    output:
        csv=f"{RESULTS}/leakage.csv",
        md=f"{RESULTS}/leakage.md",
    log:
        f"{LOGS}/leakage.log",
    params:
        script=f"{SRC}/leakage.py",
        reports=lambda wildcards, input: " ".join(
            f"--report {report}" for report in input
        ),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} {params.reports} --out {output.csv} {output.md} 2> {log}"
