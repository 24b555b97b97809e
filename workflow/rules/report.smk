# From tidy files to what a reader sees. What is made from the same files is made in one job.

from kdml.experiment.figures import BESIDE_TABLES
from kdml.experiment.items import FIGURE_SUFFIXES, TABLE_SUFFIXES

ITEMS = {**CONTENTS.named(CONTENTS.tables), **CONTENTS.named(CONTENTS.figures)}


def note(wildcards):
    """What a reader must know before comparing with the paper."""
    drawn = (
        "Drawn look-alike images, not patients: numbers say nothing about the paper. "
    )
    return f"{drawn if EXPERIMENT.archives == 'demo' else ''}{EXPERIMENT.description}"


def in_report(path, name, words="item"):
    """An output that `snakemake --report` shows under the category and title of the contents.

    Its caption is workflow/report/<words>.rst; `name` gives the table or figure for wildcards.
    """
    return report(
        path,
        caption=f"../report/{words}.rst",
        category=lambda wildcards: CONTENTS.kinds[ITEMS[name(wildcards)].kind].category,
        labels=lambda wildcards: {
            "what": ITEMS[name(wildcards)].title,
            "format": path.rpartition(".")[2],
        },
    )


def of_table(wildcards):
    """Name of the table."""
    return wildcards.table


def of_figure(wildcards):
    """Name of the figure."""
    return wildcards.figure


def beside_table(kind):
    """Function: name of the figure of a kind that stands beside the table."""
    return lambda wildcards: f"{kind}_{wildcards.table}"


def files_of(find):
    """Input function: all files that a table or figure is made from, each once."""
    return lambda wildcards: list(
        dict.fromkeys(path for _, path in INPUTS.of_item(find(wildcards)))
    )


def data_of_item(find):
    """Parameter: the same files as LABEL=FILE arguments."""
    return lambda wildcards: [
        f"{label}={path}" for label, path in INPUTS.of_item(find(wildcards))
    ]


def part_of_item(find, part):
    """Parameter: a field of a table or figure, such as its title."""
    return lambda wildcards: getattr(find(wildcards), part)


def drawn_by(find):
    """Parameter: what draws a table or figure."""
    return lambda wildcards: CONTENTS.kinds[find(wildcards).kind].draws


def options_of(find):
    """Parameter: choices within the kind of a figure, as arguments of the script."""
    return lambda wildcards: [
        part
        for name, value in find(wildcards).options.items()
        for part in (f"--{name}", value)
    ]


def words_of(kind):
    """Parameter: caption of a figure that stands beside a table."""
    return lambda wildcards: ITEMS[f"{kind}_{wildcards.table}"].caption


def names_of(kinds):
    """Names that tables of these kinds can be asked for by, as a regular expression."""
    items = {name: one for name, one in CONTENTS.tables.items() if one.kind in kinds}
    return either(CONTENTS.named(items))


OF_SCHEMES = [
    *OF_GRAPHS,
    *(name for name, one in CONTENTS.figures.items() if one.kind == "scheme"),
]
# A name that none of the other rules makes falls to these two, which say what there is.
OTHER_TABLES = rf"(?!(?:{names_of([*WITH_CURVES, 'fidelity'])}|{'|'.join(OF_GRAPHS)})\.)[a-z][\w-]*"
OTHER_FIGURES = (
    rf"(?!(?:{'|'.join(BESIDE_TABLES)})_|(?:{'|'.join(OF_SCHEMES)})\.)[a-z][\w-]*"
)


def schemes_texts(part):
    """Parameter: titles or captions of what is drawn from the sharing graphs, as NAME=TEXT."""
    return lambda wildcards: [
        f"{name}={getattr(ITEMS[name], part)}" for name in OF_SCHEMES
    ]


def schemes_files():
    """Tables and figures that are drawn from the sharing graphs; the report shows one form of each."""
    for path in CONTENTS.files_of(["scheme", *OF_GRAPHS]):
        name = Path(path).stem
        shown = path.endswith((".html", ".png"))
        yield (
            in_report(path, lambda wildcards, name=name: name, "schemes")
            if shown
            else path
        )


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
        titles=schemes_texts("title"),
        captions=schemes_texts("caption"),
        note=note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --graphs {input:q} --titles {params.titles:q} --captions {params.captions:q} --note={params.note:q}"
        " --out {output:q} 2> {log:q}"


rule results:
    input:
        files_of(table_of),
    output:
        html=in_report(paths.table("{table}", "html"), of_table),
        table=[paths.table("{table}", suffix) for suffix in ("csv", "md", "tex")],
        beside=[
            paths.figure("beside_{table}", "pdf"),
            in_report(
                paths.figure("beside_{table}", "png"), beside_table("beside"), "beside"
            ),
        ],
        curves=[
            paths.figure("curves_{table}", "pdf"),
            in_report(
                paths.figure("curves_{table}", "png"), beside_table("curves"), "curves"
            ),
        ],
        runs=[
            paths.figure("runs_{table}", "pdf"),
            in_report(
                paths.figure("runs_{table}", "png"), beside_table("runs"), "runs"
            ),
        ],
    log:
        f"{LOGS}/results/{{table}}.log",
    wildcard_constraints:
        table=names_of(WITH_CURVES),
    params:
        program=program("results.py"),
        code=code_of("results.py"),
        kind=part_of_item(table_of, "kind"),
        title=part_of_item(table_of, "title"),
        caption=part_of_item(table_of, "caption"),
        beside=words_of("beside"),
        curves=words_of("curves"),
        runs=words_of("runs"),
        data=data_of_item(table_of),
        note=note,
        mixed=mixed_code,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --name {wildcards.table:q} --kind {params.kind:q} --title={params.title:q} --caption={params.caption:q}"
        " --note={params.note:q} {params.mixed:q} --data {params.data:q} --table {output.html:q} {output.table:q}"
        " --beside {output.beside:q} --curves {output.curves:q} --runs {output.runs:q} 2> {log:q}"


rule fidelity_table:
    input:
        files_of(table_of),
    output:
        html=in_report(paths.table("{table}", "html"), of_table),
        table=[paths.table("{table}", suffix) for suffix in ("csv", "md", "tex")],
        beside=[
            paths.figure("beside_{table}", "pdf"),
            in_report(
                paths.figure("beside_{table}", "png"), beside_table("beside"), "beside"
            ),
        ],
    log:
        f"{LOGS}/fidelity_table/{{table}}.log",
    wildcard_constraints:
        table=names_of(["fidelity"]),
    params:
        program=program("fidelity_table.py"),
        code=code_of("fidelity_table.py"),
        title=part_of_item(table_of, "title"),
        caption=part_of_item(table_of, "caption"),
        beside=words_of("beside"),
        data=data_of_item(table_of),
        note=note,
        mixed=mixed_code,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --name {wildcards.table:q} --title={params.title:q} --caption={params.caption:q} --note={params.note:q}"
        " {params.mixed:q} --data {params.data:q} --table {output.html:q} {output.table:q} --beside {output.beside:q} 2> {log:q}"


rule table:
    input:
        files_of(table_of),
    output:
        html=in_report(paths.table("{table}", "html"), of_table),
        table=[paths.table("{table}", suffix) for suffix in ("csv", "md", "tex")],
    log:
        f"{LOGS}/table/{{table}}.log",
    wildcard_constraints:
        table=OTHER_TABLES,
    params:
        program=program("table.py"),
        code=code_of("table.py"),
        draws=drawn_by(table_of),
        title=part_of_item(table_of, "title"),
        caption=part_of_item(table_of, "caption"),
        data=data_of_item(table_of),
        note=note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --draws {params.draws:q} --title={params.title:q} --caption={params.caption:q} --note={params.note:q}"
        " --data {params.data:q} --table {output.html:q} {output.table:q} 2> {log:q}"


rule figure:
    input:
        files_of(figure_of),
    output:
        pdf=paths.figure("{figure}", "pdf"),
        png=in_report(paths.figure("{figure}", "png"), of_figure),
    log:
        f"{LOGS}/figure/{{figure}}.log",
    wildcard_constraints:
        figure=OTHER_FIGURES,
    params:
        program=program("figure.py"),
        code=code_of("figure.py"),
        draws=drawn_by(figure_of),
        options=options_of(figure_of),
        title=part_of_item(figure_of, "title"),
        caption=part_of_item(figure_of, "caption"),
        data=data_of_item(figure_of),
        note=note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --draws {params.draws:q} {params.options:q} --title={params.title:q} --note={params.note:q}"
        " --data {params.data:q} --figure {output.pdf:q} {output.png:q} 2> {log:q}"


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
        program=program("claims_page.py"),
        code=code_of("claims_page.py"),
        caption=note,
        note=note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --claims {input.claims:q} --comparison {input.comparison:q} --note={params.note:q} --page {output:q} 2> {log:q}"


rule contents:
    output:
        PATHS.contents(),
    params:
        shown=lambda wildcards: CONTENTS.shown(),
    localrule: True
    run:
        write_json(output[0], params.shown)


rule index:
    input:
        CONTENTS.files(("html", "png")),
        contents=PATHS.contents(),
        claims=rules.claims_page.output.html,
        metrics=PATHS.all_metrics(),
        leakage=PATHS.leakage("md"),
    output:
        "results/index.html",
    log:
        f"{LOGS}/index.log",
    params:
        program=program("index.py"),
        code=code_of("index.py"),
        title=f"Results of the experiment '{EXPERIMENT.experiment}'",
        note=note,
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "{params.program} --title={params.title:q} --note={params.note:q} --contents {input.contents:q} --claims {input.claims:q}"
        " --metrics {input.metrics:q} --leakage {input.leakage:q} --out {output:q} 2> {log:q}"


rule tables:
    input:
        CONTENTS.files(TABLE_SUFFIXES),
    localrule: True


rule figures:
    input:
        CONTENTS.files(FIGURE_SUFFIXES),
    localrule: True


def tell_what_was_made():
    """End by naming the file to open."""
    page = Path(rules.index.output[0])
    if page.exists():
        print(f"Open {page} in a browser.", file=sys.stderr)
