# Result packs: `snakemake publish` writes one, `--config results_from=FILE` rebuilds all from it that needs no pictures or weights.


# What follows from test cases alone: a pack holds these and no predictions. Where there are predictions, the rules that open them do it.


rule values:
    input:
        runs=PATHS.runs(ANY_RUN),
        cases=PATHS.cases(ANY_RUN, "{sheet}"),
        regions=PATHS.regions(ANY_RUN, "{sheet}"),
        histories=ASK.of_runs(PATHS.history),
        records=ASK.of_runs(PATHS.record),
    output:
        found=PATHS.found(ANY_RUN, "{sheet}"),
        confusion=PATHS.confusion(ANY_RUN, "{sheet}"),
        reliability=PATHS.reliability(ANY_RUN, "{sheet}"),
        coverage=PATHS.coverage(ANY_RUN, "{sheet}"),
        values=PATHS.values(ANY_RUN, "{sheet}"),
        by_seed=PATHS.by_seed(ANY_RUN, "{sheet}"),
        comparison=PATHS.comparison(ANY_RUN, "{sheet}"),
        curves=PATHS.curves(ANY_RUN, "{sheet}"),
        bands=PATHS.bands(ANY_RUN, "{sheet}"),
    log:
        f"{LOGS}/values/{{protocol}}/{{task}}/{{pair}}/{{sheet}}.log",
    params:
        program=program("values.py"),
        code=code_of("values.py"),
        mixed=ASK.mixed_code,
        tables=ASK.values_words,
        out=subpath(output.values, parent=True),
    resources:
        mem_mb=memory(16000),
        runtime=240,
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} {params.tables:q} {params.mixed:q} --out {params.out:q} 2> {log:q}"


use rule values as values_of_fidelity with:
    input:
        runs=PATHS.runs(ANY_RUN),
        cases=PATHS.cases(ANY_RUN, FIDELITY_SHEET),
        records=ASK.of_runs(PATHS.record),
    output:
        values=PATHS.values(ANY_RUN, FIDELITY_SHEET),
        by_seed=PATHS.by_seed(ANY_RUN, FIDELITY_SHEET),
        comparison=PATHS.comparison(ANY_RUN, FIDELITY_SHEET),
    log:
        f"{LOGS}/values/{{protocol}}/{{task}}/{{pair}}/{FIDELITY_SHEET}.log",


if not REBUILDING:

    ruleorder: evaluate > evaluate_teacher > fidelity > values > values_of_fidelity


# Packs


rule pack_listed:
    output:
        PATHS.pack_listed(),
    log:
        f"{LOGS}/pack_listed.log",
    params:
        content=digest(pack_listed),
    localrule: True
    run:
        write_json(output[0], pack_listed(wildcards))


rule publish:
    input:
        asked_of_all,
        listed=PATHS.pack_listed(),
    output:
        PATHS.pack(),
    log:
        f"{LOGS}/publish.log",
    params:
        program=program("publish.py"),
        code=code_of("publish.py"),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --listed {input.listed:q} --out {output:q} 2> {log:q}"


rule rebuilt:
    input:
        rebuilt_files,
    output:
        paths.rebuilt(),
    log:
        f"{LOGS}/rebuilt.log",
    params:
        program=program("rebuilt.py"),
        code=code_of("rebuilt.py"),
        pack=lambda wildcards: REBUILDING.pack.path,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --pack {params.pack:q} --out {output:q} 2> {log:q}"


rule compare_packs:
    input:
        two_packs,
    output:
        rows=paths.packs_compared("csv"),
        table=[paths.packs_compared(suffix) for suffix in ("html", "md")],
    log:
        f"{LOGS}/compare_packs.log",
    params:
        program=program("compare_packs.py"),
        code=code_of("compare_packs.py"),
        title=said_of_packs("title"),
        caption=said_of_packs("caption"),
        note=ASK.note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --packs {input:q} --title={params.title:q} --caption={params.caption:q} --note={params.note:q}"
        " --rows {output.rows:q} --table {output.table:q} 2> {log:q}"


if REBUILDING:
    or_message(start_from_pack)
