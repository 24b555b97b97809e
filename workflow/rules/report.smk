# From tidy files to what a reader sees.

from kdml.experiment.figures import BESIDE_TABLES
from kdml.experiment.items import FIGURE_SUFFIXES, TABLE_SUFFIXES


def note(wildcards):
    """What a reader must know before comparing with the paper."""
    drawn = (
        "Drawn look-alike images, not patients: numbers say nothing about the paper. "
    )
    return f"{drawn if EXPERIMENT.archives == 'demo' else ''}{EXPERIMENT.description}"


def in_report(path, of, prefix=""):
    """An output that `snakemake --report` shows under the category and title of the contents."""

    def item(wildcards):
        """The table or figure that the file belongs to."""
        known = {**CONTENTS.named(CONTENTS.tables), **CONTENTS.named(CONTENTS.figures)}
        return known[f"{prefix}{wildcards.get(of, of)}"]

    return report(
        path,
        caption="../report/item.rst",
        category=lambda wildcards: CONTENTS.kinds[item(wildcards).kind].category,
        labels=lambda wildcards: {
            "what": item(wildcards).title,
            "format": path.rpartition(".")[2],
        },
    )


def files_of(find):
    """Input function: all files that a table or figure is made from, each once."""
    return lambda wildcards: list(
        dict.fromkeys(path for _, path in INPUTS.of_item(find(wildcards)))
    )


def data_files(find):
    """Parameter: the same as LABEL=FILE arguments."""
    return lambda wildcards: [
        f"{label}={path}" for label, path in INPUTS.of_item(find(wildcards))
    ]


def draws(find):
    """Parameter: what draws a table or figure."""
    return lambda wildcards: CONTENTS.kinds[find(wildcards).kind].draws


def options(find):
    """Parameter: choices within the kind, as NAME=VALUE."""
    return lambda wildcards: [
        f"{name}={value}" for name, value in find(wildcards).options.items()
    ]


def title(find):
    """Parameter: title of a table or figure."""
    return lambda wildcards: find(wildcards).title


def caption(find):
    """Parameter: caption of a table or figure."""
    return lambda wildcards: find(wildcards).caption


def names_of(kinds):
    """Names that tables of these kinds can be asked for by, as a regular expression."""
    items = {name: one for name, one in CONTENTS.tables.items() if one.kind in kinds}
    return either(CONTENTS.named(items))


# Named alone, for the rules of tables and figures that are made in a job of their own.
MADE_TOGETHER = "|".join([names_of([*WITH_CURVES, "fidelity"]), *OF_GRAPHS])


SCHEMES = {kind: CONTENTS.files_of([kind]) for kind in ("scheme", *OF_GRAPHS)}


rule schemes:
    input:
        PATHS.graphs(),
    output:
        [path for files in SCHEMES.values() for path in files],
    params:
        code=code_of("schemes.py"),
    shell:
        "false"


rule results:
    input:
        files_of(table_of),
    output:
        csv=paths.table("{table}", "csv"),
        md=paths.table("{table}", "md"),
        tex=paths.table("{table}", "tex"),
        html=in_report(paths.table("{table}", "html"), "table"),
        figures=expand(
            paths.figure("{beside}_{{table}}", "{suffix}"),
            beside=BESIDE_TABLES,
            suffix=FIGURE_SUFFIXES,
        ),
    wildcard_constraints:
        table=names_of(WITH_CURVES),
    params:
        program=program("results.py"),
        data=data_files(table_of),
        note=note,
    localrule: True
    shell:
        "{params.program} --name {wildcards.table:q} --data {params.data:q} --note {params.note:q}"


rule fidelity_table:
    input:
        files_of(table_of),
    output:
        csv=paths.table("{table}", "csv"),
        md=paths.table("{table}", "md"),
        tex=paths.table("{table}", "tex"),
        html=in_report(paths.table("{table}", "html"), "table"),
        figures=expand(
            paths.figure("beside_{{table}}", "{suffix}"), suffix=FIGURE_SUFFIXES
        ),
    wildcard_constraints:
        table=names_of(["fidelity"]),
    params:
        program=program("fidelity_table.py"),
        data=data_files(table_of),
        note=note,
    localrule: True
    shell:
        "{params.program} --name {wildcards.table:q} --data {params.data:q} --note {params.note:q}"


rule table:
    input:
        files_of(table_of),
    output:
        csv=paths.table("{table}", "csv"),
        md=paths.table("{table}", "md"),
        tex=paths.table("{table}", "tex"),
        html=in_report(paths.table("{table}", "html"), "table"),
    wildcard_constraints:
        table=rf"(?!(?:{MADE_TOGETHER})\.)[a-z][\w-]*",
    params:
        program=program("table.py"),
        data=data_files(table_of),
        note=note,
    localrule: True
    shell:
        "{params.program} --draws {params.data:q} --note {params.note:q}"


rule figure:
    input:
        files_of(figure_of),
    output:
        pdf=paths.figure("{figure}", "pdf"),
        png=in_report(paths.figure("{figure}", "png"), "figure"),
    wildcard_constraints:
        figure=rf"(?!(?:beside|curves|runs)_|figure_(?:01|02|03|08)\.)[a-z][\w-]*",
    params:
        program=program("figure.py"),
        data=data_files(figure_of),
        note=note,
    localrule: True
    shell:
        "{params.program} --draws {params.data:q} --note {params.note:q}"


rule contents:
    output:
        PATHS.contents(),
    params:
        shown=lambda wildcards: CONTENTS.shown(),
    localrule: True
    run:
        write_json(output[0], params.shown)


rule claims_page:
    input:
        claims=rules.claims.output,
        comparison=PATHS.whole_comparison(),
    output:
        md="results/claims.md",
        html="results/claims.html",
    localrule: True
    shell:
        "false"


rule index:
    input:
        CONTENTS.files(("html", "png")),
        contents=PATHS.contents(),
        claims=rules.claims_page.output.html,
        metrics=PATHS.all_metrics(),
        leakage=PATHS.leakage("md"),
    output:
        page="results/index.html",
    localrule: True
    shell:
        "false"


rule tables:
    input:
        CONTENTS.files(TABLE_SUFFIXES),
    localrule: True


rule figures:
    input:
        CONTENTS.files(FIGURE_SUFFIXES),
    localrule: True
