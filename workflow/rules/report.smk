# From tidy tables to what a reader sees.


rule table:
    input:
        tidy_of_table,
    output:
        **{suffix: f"results/tables/table_{{number}}.{suffix}" for suffix in FORMATS},
    log:
        f"{LOGS}/table/{{number}}.log",
    params:
        script=f"{SRC}/render_table.py",
        note=title_note(),
        mixed=mixed_code(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --table {wildcards.number} --metrics {input} --title-note {params.note:q} {params.mixed}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html} 2> {log}"


rule tables:
    input:
        table_files(),
    localrule: True
