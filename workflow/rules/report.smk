# From tidy tables to what a reader sees.


rule table:
    input:
        unpack(table_inputs),
    output:
        csv="results/tables/{table}.csv",
        md="results/tables/{table}.md",
        tex="results/tables/{table}.tex",
        html=in_report("results/tables/{table}.html", RESULT_TABLES, "table"),
    log:
        f"{LOGS}/table/{{table}}.log",
    wildcard_constraints:
        table=either(RESULT_TABLES),
    params:
        script=f"{SRC}/render_table.py",
        number=lambda wildcards: int(wildcards.table.removeprefix("table_")),
        teachers=lambda wildcards, input: " ".join(input.get("teachers", [])),
        note=title_note(),
        mixed=mixed_code(),
        caption=title_note(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --table {params.number} --metrics {input.metrics} --teachers {params.teachers}"
        " --title-note={params.note:q} {params.mixed}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html} 2> {log}"


rule grid:
    input:
        grid_files,
    output:
        csv="results/tables/{table}.csv",
        md="results/tables/{table}.md",
        tex="results/tables/{table}.tex",
        html=in_report("results/tables/{table}.html", GRIDS, "table"),
    log:
        f"{LOGS}/table/{{table}}.log",
    wildcard_constraints:
        table=rf"(?!(?:{either(RESULT_TABLES)})\.)[a-z]\w*",
    params:
        script=f"{SRC}/render_grid.py",
        kind=lambda wildcards: GRIDS[wildcards.table].kind,
        title=lambda wildcards: GRIDS[wildcards.table].title,
        caption=lambda wildcards: GRIDS[wildcards.table].caption,
        data=lambda wildcards: labelled(GRIDS[wildcards.table]),
        graphs=graphs(),
        note=title_note(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --kind {params.kind} --title {params.title:q} --caption={params.caption:q} --note={params.note:q}"
        " --graphs {params.graphs:q} --data {params.data}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html} 2> {log}"


rule figure:
    input:
        figure_files,
    output:
        pdf="results/figures/{figure}.pdf",
        png=in_report("results/figures/{figure}.png", FIGURES, "figure"),
    log:
        f"{LOGS}/figure/{{figure}}.log",
    params:
        script=f"{SRC}/render_figure.py",
        kind=lambda wildcards: FIGURES[wildcards.figure].kind,
        option=lambda wildcards: FIGURES[wildcards.figure].option,
        title=lambda wildcards: FIGURES[wildcards.figure].title,
        caption=lambda wildcards: FIGURES[wildcards.figure].caption,
        data=lambda wildcards: labelled(FIGURES[wildcards.figure]),
        extra=figure_extra,
        note=title_note(),
        style=STYLE,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --kind {params.kind} --option={params.option:q} --title {params.title:q} --note={params.note:q}"
        " --extra {params.extra:q} --data {params.data} --pdf {output.pdf} --png {output.png} 2> {log}"


rule claims_page:
    input:
        claims="results/claims.csv",
        comparison=f"{RESULTS}/comparison.csv",
    output:
        md="results/claims.md",
        html=report(
            "results/claims.html",
            caption="../report/item.rst",
            category="Claims",
            labels={"what": "Verdicts on the paper's claims", "format": "html"},
        ),
    log:
        f"{LOGS}/claims_page.log",
    params:
        script=f"{SRC}/render_claims.py",
        note=title_note(),
        caption=title_note(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --claims {input.claims} --comparison {input.comparison} --note={params.note:q}"
        " --md {output.md} --html {output.html} 2> {log}"


rule index:
    input:
        shown=files_of(["html", "png"]),
        claims="results/claims.html",
        metrics=f"{RESULTS}/metrics.csv",
        leakage=f"{RESULTS}/leakage.md",
    output:
        page="results/index.html",
        shown=f"{RESULTS}/shown.json",
    log:
        f"{LOGS}/index.log",
    params:
        script=f"{SRC}/render_index.py",
        title=f"Results of the experiment '{EXPERIMENT.experiment}'",
        content=json.dumps(everything_to_show()),
        results=subpath(input.metrics, parent=True),
        note=title_note(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "printf '%s' {params.content:q} > {output.shown} && python {params.script} --title {params.title:q} --note={params.note:q}"
        " --items {output.shown} --claims {input.claims} --metrics {input.metrics} --results {params.results}"
        " --leakage {input.leakage} --out {output.page} 2> {log}"


rule tables:
    input:
        files_of(["html", "md", "tex", "csv"]),
    localrule: True


rule figures:
    input:
        files_of(["png", "pdf"]),
    localrule: True
