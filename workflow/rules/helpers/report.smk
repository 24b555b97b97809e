"""How rules of the report name what they make: which tables and figures come from one job, and what `snakemake --report` says of them."""

MOST_NAMED = 3  # files that the last line of a call names


def in_report(path, name, words="item"):
    """An output that `snakemake --report` shows under the category and title of the table or figure.

    Its caption is workflow/report/<words>.rst; `name` gives the table or figure for wildcards.
    """
    return report(
        path,
        caption=f"../report/{words}.rst",
        category=ASK.category(name),
        labels=ASK.labels(name, path.rpartition(".")[2]),
    )


def of_table(wildcards):
    """Name of the table."""
    return wildcards.table


def of_figure(wildcards):
    """Name of the figure."""
    return wildcards.figure


def beside_table(kind):
    """Both forms of the figure of a kind that stands beside a table."""
    name = f"{kind}_{{table}}"
    shown = lambda wildcards: f"{kind}_{wildcards.table}"
    return [
        paths.figure(name, "pdf"),
        in_report(paths.figure(name, "png"), shown, kind),
    ]


def files_beside(wildcards, output):
    """Parameter: figures that stand beside a table as NAME=FILE arguments."""
    kinds = [kind for kind in BESIDE_TABLES if kind in output.keys()]
    return [f"{kind}={path}" for kind in kinds for path in output[kind]]


def names_of(kinds):
    """Names that tables of these kinds can be asked for by, as a regular expression."""
    items = {name: one for name, one in CONTENTS.tables.items() if one.kind in kinds}
    return either(CONTENTS.named(items))


OF_SCHEMES = [
    *OF_GRAPHS,
    *(name for name, one in CONTENTS.figures.items() if one.kind == "scheme"),
]
CLINIC = ("clinic", "clinic_teacher")  # tables that are made in one job
OF_CLINIC = [
    name for name, one in CONTENTS.figures.items() if one.kind in PLACES_ON_A_PAGE
]
# A name that none of the other rules makes falls to `table` and `figure`, which say what there is.
ELSEWHERE = f"{names_of([*WITH_CURVES, 'fidelity'])}|{'|'.join([*OF_GRAPHS, *(CLINIC if OF_CLINIC else [])])}"
OTHER_TABLES = rf"(?!(?:{ELSEWHERE})\.)[a-z][\w-]*"
ELSEWHERE = (
    f"(?:{'|'.join(BESIDE_TABLES)})_|(?:{'|'.join([*OF_SCHEMES, *OF_CLINIC])})\\."
)
OTHER_FIGURES = rf"(?!{ELSEWHERE})[a-z][\w-]*"


def schemes_files():
    """Tables and figures that are drawn from the sharing graphs; the report shows one form of each."""
    for path in CONTENTS.files_of(["scheme", *OF_GRAPHS]):
        name = lambda wildcards, name=Path(path).stem: name
        shown = path.endswith((".html", ".png"))
        yield in_report(path, name, "schemes") if shown else path


def clinic_figures():
    """Figures of what a clinic asks; the report shows one form of each."""
    for path in CONTENTS.files_of(PLACES_ON_A_PAGE):
        name = lambda wildcards, name=Path(path).stem: name
        yield in_report(path, name) if path.endswith(".png") else path


def clinic_table(wildcards):
    """A table of what a clinic asks; all of them are made from the same files."""
    return CONTENTS.tables[CLINIC[0]]


def clinic_tables():
    """The tables of what a clinic asks; the report shows one form of each."""
    for path in CONTENTS.files_of(CLINIC):
        name = lambda wildcards, name=Path(path).stem: name
        yield in_report(path, name) if path.endswith(".html") else path


def asked_for():
    """Files that the call asked for, by name or as what its rules make or, where they make nothing, gather."""
    dag = workflow.dag
    of_rules = [job for job in dag.targetjobs if job.rule in dag.targetrules]
    found = {
        *dag.targetfiles,
        *(file for job in of_rules for file in job.output or job.input),
    }
    return sorted(file for file in found if Path(file).exists())


def tell_what_was_made():
    """End by naming the file to open: the page that was made last of those asked for, or else what was asked for."""
    if not (asked := asked_for()):
        return
    if pages := {rules.check_data.output.html, rules.index.output[0]}.intersection(
        asked
    ):
        last = max(map(Path, pages), key=lambda page: page.stat().st_mtime)
        words = f"Open {last} in a browser."
        if REBUILDING:
            beside = REBUILDING.folder / paths.rebuilt()
            words = f"Open {REBUILDING.folder / last} in a browser; {beside} says which files are as published."
    else:
        more = f" and {len(asked) - MOST_NAMED} more" if len(asked) > MOST_NAMED else ""
        words = f"Made: {', '.join(asked[:MOST_NAMED])}{more}."
    print(words, file=sys.stderr)
