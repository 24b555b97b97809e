# From archives to splits.


rule draw_demo:
    output:
        PATHS.drawn_archive("{archive}"),
    log:
        f"{LOGS}/draw_demo/{{archive}}.log",
    params:
        program=program("draw_demo.py"),
        options=demo_options,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --archive {wildcards.archive:q} {params.options:q} --out {output:q} 2> {log:q}"


rule fetch:
    input:
        lambda wildcards: drawn_archives([wildcards.archive]),
    output:
        PATHS.archive_record("{archive}"),
    log:
        f"{LOGS}/fetch/{{archive}}.log",
    wildcard_constraints:
        archive=either(TO_FETCH),
    params:
        program=program("fetch.py"),
        content=archive_content,
        source=fetch_options,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --archive {wildcards.archive:q} {params.source:q} --record {output:q} 2> {log:q}"


rule prepare:
    input:
        unpack(prepare_inputs),
    output:
        report=PATHS.data_report("{dataset}"),
        index=PATHS.index("{dataset}"),
        images=PATHS.images("{dataset}"),
    log:
        f"{LOGS}/prepare/{{dataset}}.log",
    wildcard_constraints:
        dataset=either(set(EXPERIMENT.datasets) - EXPERIMENT.with_masks),
    params:
        program=program("prepare.py"),
        archives=archives_folder,
        options=prepare_options,
        table=table_content,
        records=lambda wildcards, input: each("--record", input.records),
        out=subpath(output.report, parent=True),
    threads: threads(8)
    resources:
        mem_mb=memory(16000),
        runtime=120,
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --dataset {wildcards.dataset:q} {params.records:q} --archives {params.archives:q} {params.options:q}"
        " --threads {threads} --out {params.out:q} 2> {log:q}"


use rule prepare as prepare_masks with:
    output:
        report=PATHS.data_report("{dataset}"),
        index=PATHS.index("{dataset}"),
        images=PATHS.images("{dataset}"),
        masks=PATHS.masks("{dataset}"),
    wildcard_constraints:
        dataset=either(EXPERIMENT.with_masks),


rule check_data:
    input:
        reports=CHECKED[0],
        arrays=list(map(ancient, CHECKED[1])),
    output:
        json=PATHS.check_of_data("json"),
        html=PATHS.check_of_data("html"),
    log:
        f"{LOGS}/check_data.log",
    params:
        program=program("check_data.py"),
        code=code_of("check_data.py"),
        words=check_options,
        note=ASK.note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} {params.words:q} --note {params.note:q} --out {output:q} 2> {log:q}"


rule split:
    input:
        report=lambda wildcards: PATHS.data_report(ASK.dataset(wildcards.task)),
        index=lambda wildcards: ancient(PATHS.index(ASK.dataset(wildcards.task))),
    output:
        split=PATHS.split("{protocol}", "{task}", "{seed}"),
        report=PATHS.split_report("{protocol}", "{task}", "{seed}"),
    log:
        f"{LOGS}/split/{{protocol}}/{{task}}/{{seed}}.log",
    params:
        program=program("split.py"),
        fractions=list(EXPERIMENT.split.fractions),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --index {input.index:q} --task {wildcards.task:q} --protocol {wildcards.protocol:q}"
        " --fractions {params.fractions:q} --seed {wildcards.seed:q} --out {output.split:q} --report {output.report:q} 2> {log:q}"


rule splits:
    output:
        PATHS.splits(),
    log:
        f"{LOGS}/splits.log",
    params:
        content=digest(lambda wildcards: INPUTS.split_rows()),
    localrule: True
    run:
        write_csv(output[0], INPUTS.split_rows())


rule leakage:
    input:
        splits=PATHS.splits(),
        reports=INPUTS.split_reports(),
    output:
        csv=PATHS.leakage("csv"),
        md=PATHS.leakage("md"),
    log:
        f"{LOGS}/leakage.log",
    params:
        program=program("leakage.py"),
        code=code_of("leakage.py"),
        words=ASK.leakage_words,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --splits {input.splits:q} {params.words:q} --out {output.csv:q} {output.md:q} 2> {log:q}"
