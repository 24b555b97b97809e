"""What tables, figures and the page ask for."""


def table_inputs(wildcards):
    """Means of a result table; of one of fidelity also the agreement of teachers."""
    data = inputs.data_of(item_of(wildcards), ANALYSES)
    return {
        name: [path for label, path in data if label.partition(":")[0] == name]
        for name in ("summaries", "teachers")
    }


def table_number(wildcards):
    """Number of a result table in the paper."""
    return int(wildcards.table.removeprefix("table_"))


def teachers_options(wildcards):
    """Agreement of teachers as arguments of src/render_table.py: PLACE=FILE."""
    data = inputs.data_of(item_of(wildcards), ANALYSES)
    placed = ((label.partition(":"), path) for label, path in data)
    return " ".join(
        f"{place}={path}" for (name, _, place), path in placed if name == "teachers"
    )


def item_files(wildcards):
    """Files that a plain table or a figure is made from."""
    return [path for _, path in inputs.data_of(item_of(wildcards), ANALYSES)]


def item_data(wildcards):
    """The same as LABEL=FILE arguments."""
    data = inputs.data_of(item_of(wildcards), ANALYSES)
    return " ".join(f"{label}={path}" for label, path in data)


def item_kind(wildcards):
    """What draws a table or figure."""
    return item_of(wildcards).kind


def item_option(wildcards):
    """A choice within the kind."""
    return item_of(wildcards).option


def item_title(wildcards):
    """Title of a table or figure."""
    return item_of(wildcards).title


def item_caption(wildcards):
    """Caption of a table or figure."""
    return item_of(wildcards).caption


def item_category(wildcards):
    """Category of a table or figure in the report."""
    return item_of(wildcards).category


def figure_extra(wildcards):
    """What a figure needs of the configuration: the graphs, if it is a scheme."""
    scheme = item_kind(wildcards) == "scheme"
    return json.dumps({"graphs": PLAN.graphs()} if scheme else {})


def in_report(path):
    """An output that `snakemake --report` shows under the category and title of the catalogue."""

    def labels(wildcards):
        """Title and format."""
        return {"what": item_title(wildcards), "format": path.rpartition(".")[2]}

    return report(
        path, caption="../report/item.rst", category=item_category, labels=labels
    )


def title_note():
    """What a reader must know before comparing with the paper."""
    note = EXPERIMENT.description
    drawn = (
        "Drawn look-alike images, not patients: numbers say nothing about the paper. "
        if EXPERIMENT.archives == "demo"
        else ""
    )
    return f"{drawn}{note}"


def tell_what_was_made():
    """End by naming the file to open."""
    page = Path(rules.index.output.page)
    if page.exists():
        print(f"Open {page} in a browser.", file=sys.stderr)
