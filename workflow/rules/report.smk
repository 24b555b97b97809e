# From tidy tables to what a reader sees.


rule table:
    input:
        unpack(table_inputs),
    output:
        csv=paths.table("{table}", "csv"),
        md=paths.table("{table}", "md"),
        tex=paths.table("{table}", "tex"),
        html=in_report(paths.table("{table}", "html")),
    log:
        f"{LOGS}/table/{{table}}.log",
    wildcard_constraints:
        table=either(CATALOGUE.results),
    params:
        script=f"{SRC}/render_table.py",
        code=code_of("render_table.py"),
        number=table_number,
        teachers=teachers_options,
        note=title_note(),
        mixed=mixed_code(),
        caption=item_caption,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --table {params.number} --summaries {input.summaries} --teachers {params.teachers}"
        " --title-note={params.note:q} {params.mixed}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html} 2> {log}"


rule grid:
    input:
        item_files,
    output:
        csv=paths.table("{table}", "csv"),
        md=paths.table("{table}", "md"),
        tex=paths.table("{table}", "tex"),
        html=in_report(paths.table("{table}", "html")),
    log:
        f"{LOGS}/table/{{table}}.log",
    wildcard_constraints:
        table=rf"(?!(?:{either(CATALOGUE.results)})\.)[a-z]\w*",
    params:
        script=f"{SRC}/render_grid.py",
        code=code_of("render_grid.py"),
        kind=item_kind,
        title=item_title,
        caption=item_caption,
        data=item_data,
        graphs=json.dumps(PLAN.graphs()),
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
        item_files,
    output:
        pdf=paths.figure("{figure}", "pdf"),
        png=in_report(paths.figure("{figure}", "png")),
    log:
        f"{LOGS}/figure/{{figure}}.log",
    params:
        script=f"{SRC}/render_figure.py",
        code=code_of("render_figure.py"),
        kind=item_kind,
        option=item_option,
        title=item_title,
        caption=item_caption,
        data=item_data,
        extra=figure_extra,
        note=title_note(),
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python {params.script} --kind {params.kind} --option={params.option:q} --title {params.title:q} --note={params.note:q}"
        " --extra {params.extra:q} --data {params.data} --pdf {output.pdf} --png {output.png} 2> {log}"


rule claims_page:
    input:
        claims=rules.claims.output,
        comparison=PATHS.whole_comparison(),
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
        code=code_of("render_claims.py"),
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
        shown=inputs.files_to_show(CATALOGUE, ["html", "png"]),
        claims=rules.claims_page.output.html,
        metrics=PATHS.all_metrics(),
        leakage=PATHS.leakage("md"),
    output:
        page="results/index.html",
        shown=PATHS.shown(),
    log:
        f"{LOGS}/index.log",
    params:
        script=f"{SRC}/render_index.py",
        code=code_of("render_index.py"),
        title=f"Results of the experiment '{EXPERIMENT.experiment}'",
        content=json.dumps(inputs.everything_to_show(CATALOGUE)),
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
        inputs.files_to_show(CATALOGUE, inputs.TABLE_SUFFIXES),
    localrule: True


rule figures:
    input:
        inputs.files_to_show(CATALOGUE, inputs.FIGURE_SUFFIXES),
    localrule: True
