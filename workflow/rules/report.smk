# From tidy files to what a reader sees. What is made from the same files is made in one job.


rule schemes:
    input:
        PATHS.graphs(),
    output:
        list(schemes_files()),
    log:
        f"{LOGS}/schemes.log",
    params:
        program=program("schemes.py"),
        code=code_of("schemes.py"),
        titles=ASK.texts(OF_SCHEMES, "title"),
        captions=ASK.texts(OF_SCHEMES, "caption"),
        note=ASK.note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --graphs {input:q} --titles {params.titles:q} --captions {params.captions:q} --note={params.note:q}"
        " --out {output:q} 2> {log:q}"


rule results:
    input:
        ASK.files_of(ASK.table),
    output:
        html=in_report(paths.table("{table}", "html"), of_table),
        table=[paths.table("{table}", suffix) for suffix in ("csv", "md", "tex")],
        beside=beside_table("beside"),
        curves=beside_table("curves"),
        runs=beside_table("runs"),
    log:
        f"{LOGS}/results/{{table}}.log",
    wildcard_constraints:
        table=names_of(WITH_CURVES),
    params:
        program=program("results.py"),
        code=code_of("results.py"),
        kind=ASK.part_of(ASK.table, "kind"),
        title=ASK.part_of(ASK.table, "title"),
        caption=ASK.part_of(ASK.table, "caption"),
        beside=ASK.caption_beside("beside"),
        curves=ASK.caption_beside("curves"),
        runs=ASK.caption_beside("runs"),
        data=ASK.data_words(ASK.table),
        figures=files_beside,
        note=ASK.note,
        drawn=ASK.drawn,
        mixed=ASK.mixed_code,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --name {wildcards.table:q} --kind {params.kind:q} --title={params.title:q} --caption={params.caption:q}"
        " --note={params.note:q} {params.mixed:q} {params.drawn:q} --data {params.data:q} --table {output.html:q} {output.table:q}"
        " --figures {params.figures:q} 2> {log:q}"


# Fidelity has no learning curves.
use rule results as results_of_fidelity with:
    output:
        html=in_report(paths.table("{table}", "html"), of_table),
        table=[paths.table("{table}", suffix) for suffix in ("csv", "md", "tex")],
        beside=beside_table("beside"),
    wildcard_constraints:
        table=names_of(["fidelity"]),
    localrule: True


if OF_CLINIC:

    rule clinic:
        input:
            ASK.files_of(clinic_table),
        output:
            tables=list(clinic_tables()),
            figures=list(clinic_figures()),
        log:
            f"{LOGS}/clinic.log",
        params:
            program=program("clinic.py"),
            code=code_of("clinic.py"),
            titles=ASK.texts(CLINIC, "title"),
            captions=ASK.texts(CLINIC, "caption"),
            data=ASK.data_words(clinic_table),
            note=ASK.note,
            drawn=ASK.drawn,
        localrule: True
        conda:
            ENVIRONMENT
        shell:
            "{params.program} --titles {params.titles:q} --captions {params.captions:q} --note={params.note:q} {params.drawn:q}"
            " --data {params.data:q} --tables {output.tables:q} --figures {output.figures:q} 2> {log:q}"


rule table:
    input:
        ASK.files_of(ASK.table),
    output:
        html=in_report(paths.table("{table}", "html"), of_table),
        table=[paths.table("{table}", suffix) for suffix in ("csv", "md", "tex")],
    log:
        f"{LOGS}/table/{{table}}.log",
    wildcard_constraints:
        table=OTHER_TABLES,
    params:
        program=program("table.py"),
        code=code_that_draws("table.py", ASK.table),
        draws=ASK.draws(ASK.table),
        title=ASK.part_of(ASK.table, "title"),
        caption=ASK.part_of(ASK.table, "caption"),
        data=ASK.data_words(ASK.table),
        note=ASK.note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --draws {params.draws:q} --title={params.title:q} --caption={params.caption:q} --note={params.note:q}"
        " --data {params.data:q} --table {output.html:q} {output.table:q} 2> {log:q}"


rule figure:
    input:
        ASK.files_of(ASK.figure),
    output:
        pdf=paths.figure("{figure}", "pdf"),
        png=in_report(paths.figure("{figure}", "png"), of_figure),
    log:
        f"{LOGS}/figure/{{figure}}.log",
    wildcard_constraints:
        figure=OTHER_FIGURES,
    params:
        program=program("figure.py"),
        code=code_that_draws("figure.py", ASK.figure),
        draws=ASK.draws(ASK.figure),
        options=ASK.option_words(ASK.figure),
        title=ASK.part_of(ASK.figure, "title"),
        caption=ASK.part_of(ASK.figure, "caption"),
        data=ASK.data_words(ASK.figure),
        note=ASK.note,
        drawn=ASK.drawn,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --draws {params.draws:q} {params.options:q} --title={params.title:q} --note={params.note:q}"
        " {params.drawn:q} --data {params.data:q} --figure {output.pdf:q} {output.png:q} 2> {log:q}"


rule claims_page:
    input:
        claims=rules.claims.output.claims,
        readings=rules.claims.output.readings,
        design=rules.claims.output.design,
        comparison=PATHS.whole_comparison(),
    output:
        md=paths.claims("md"),
        html=report(
            paths.claims("html"),
            caption="../report/item.rst",
            category="Claims",
            labels={"what": "Verdicts on the paper's claims", "format": "html"},
        ),
    log:
        f"{LOGS}/claims_page.log",
    params:
        program=program("claims_page.py"),
        code=code_of("claims_page.py"),
        caption=ASK.note,
        note=ASK.note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --claims {input.claims:q} --readings {input.readings:q} --design {input.design:q} --comparison {input.comparison:q}"
        " --note={params.note:q} --page {output:q} 2> {log:q}"


rule contents:
    output:
        PATHS.contents(),
    log:
        f"{LOGS}/contents.log",
    params:
        content=digest(lambda wildcards: CONTENTS.shown()),
    localrule: True
    run:
        write_json(output[0], CONTENTS.shown())


rule index:
    input:
        lambda wildcards: CONTENTS.files(("html", "png")),
        contents=PATHS.contents(),
        claims=rules.claims.output.claims,
        readings=rules.claims.output.readings,
        design=rules.claims.output.design,
        page=rules.claims_page.output,
        comparison=PATHS.whole_comparison(),
        metrics=PATHS.all_metrics(),
        runs=ASK.tables_of_runs,
        values=ASK.values_of_variants,
        leakage=[PATHS.leakage(suffix) for suffix in ("csv", "md")],
    output:
        page="results/index.html",
        runs="results/runs.html",
    log:
        f"{LOGS}/index.log",
    params:
        program=program("index.py"),
        code=code_of("index.py"),
        title=ASK.page_title,
        note=ASK.note,
        drawn=ASK.drawn,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --title={params.title:q} --note={params.note:q} {params.drawn:q} --contents {input.contents:q}"
        " --claims {input.claims:q} --readings {input.readings:q} --design {input.design:q} --comparison {input.comparison:q}"
        " --metrics {input.metrics:q} --runs {input.runs:q}"
        " --values {input.values:q} --leakage {input.leakage[0]:q} --out {output.page:q} 2> {log:q}"


rule tables:
    input:
        lambda wildcards: CONTENTS.files(TABLE_SUFFIXES),
    localrule: True


rule figures:
    input:
        lambda wildcards: CONTENTS.files(FIGURE_SUFFIXES),
    localrule: True
