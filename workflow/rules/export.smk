# Students to take home: `snakemake export` for every place, or one by the name of its zip. No part of `all`.


rule export_place:
    input:
        unpack(export_inputs),
    output:
        zip=PATHS.exported_zip(ANY_RUN),
        card=PATHS.exported(ANY_RUN, "README.md"),
        facts=PATHS.exported(ANY_RUN, "export.json"),
    log:
        f"{LOGS}/export/{{protocol}}/{{task}}/{{pair}}.log",
    params:
        program=program("export.py"),
        code=code_of("export.py"),
        mixed=ASK.mixed_code,
        data=subpath(input.data, parent=True),
        leakage=EXPORT.leakage_words,
        archives=archives_folder,
        archive_records=lambda wildcards, input: each("--record", input.archive_records),
        note=ASK.note,
        drawn=ASK.drawn,
        licence=EXPORT.licence,
        out=subpath(output.card, parent=True),
    threads: threads(all_cores)  # or a whole node: latency is measured while nothing else runs
    resources:
        mem_mb=memory(16000),
        runtime=240,
        slurm_extra="--exclusive",
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --runs {input.runs:q} --data {params.data:q} --leakage {params.leakage:q} {params.archive_records:q}"
        " --archives {params.archives:q} --threads {threads} --note={params.note:q} --licence={params.licence:q} {params.drawn:q}"
        " {params.mixed:q} --out {params.out:q} --zip {output.zip:q} 2> {log:q}"


rule export:
    input:
        EXPORT.zips(),
    localrule: True
