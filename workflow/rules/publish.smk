# Result packs: `snakemake publish` writes one, `--config results_from=FILE` rebuilds all from it that needs no pictures or weights.


rule pack_listed:
    output:
        PATHS.pack_listed(),
    log:
        f"{LOGS}/pack_listed.log",
    params:
        listed=pack_listed,
    localrule: True
    run:
        write_json(output[0], params.listed)


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
