"""What a pack holds and what is made again from one, read off the rules; what decides stands in the package, tested."""

from kdml.data.licences import licences_of
from kdml.packs import of_experiment
from kdml.packs.making import Maker, Making

# Now, because a workflow that uses this as a module gives rules other names.
PAGES = [*rules.index.output, *rules.claims_page.output]


def maker_of(path):
    """The job that would make a file, None if no rule makes it; of two rules the later, which needs no predictions."""
    for one in reversed(list(workflow.rules)):
        if one.is_producer(path):
            found = one.get_wildcards(path)
            outputs = one.expand_output(found)[0]
            try:
                inputs = one.expand_input(found)[0]
            except WorkflowError:
                if not REBUILDING:
                    raise
                # It looks for start weights or data of the user's own, which a pack leaves behind: it makes nothing again.
                inputs = ()
            return Maker(
                one.name, tuple(map(str, inputs)), tuple(map(str, outputs)), one.is_run
            )
    return None


@functools.cache
def making():
    """What can be made again: of all that a pack may hold, or of the pack that is rebuilt."""
    packed = REBUILDING.pack.members if REBUILDING else None
    return Making(maker_of, of_experiment.folders_of_pictures(INPUTS), packed)


def rebuilt_files(wildcards):
    """All that can be made again from a pack."""
    return of_experiment.sorted_files(INPUTS, making()).again


def asked_of_all(wildcards):
    """All that is made when nothing else is asked for."""
    if REBUILDING:
        return [*PAGES, *rebuilt_files(wildcards), paths.rebuilt()]
    return [*PAGES, *every_file(INPUTS)]


def two_packs(wildcards):
    """Both packs of a comparison."""
    return [str(one.path) for one in or_message(rebuilding.both, REBUILDING)]


def said_of_packs(part):
    """Parameter: title or caption of a comparison."""
    return lambda wildcards: CONTENTS.captions["compare_packs"][part]


def terms_of(dataset):
    """Terms of a data set's images, in words."""
    drawn = archives.is_drawn_dataset(EXPERIMENT, dataset)
    stated = EXPERIMENT.datasets[dataset].licence
    return "; ".join(one.terms for one in licences_of(dataset, drawn, stated))


def pack_listed(wildcards):
    """List of what goes into the pack of the experiment."""
    before = REBUILDING.pack if REBUILDING else None
    return of_experiment.listed(INPUTS, making(), CONFIGURED, terms_of, before)


def start_from_pack():
    """Before anything is planned: unpack what nothing makes, and let only those rules be used that make the rest."""
    pack = REBUILDING.pack
    mixed.check_runs(pack, {PATHS.record(run): PLAN.settings(run) for run in PLAN.runs})
    mixed.check_splits(
        pack, {PATHS.record(run): INPUTS.split(run) for run in PLAN.runs}
    )
    lacking = of_experiment.leave_out(CONTENTS, making())
    rebuilding.unpack(
        pack, lambda names: [name for name in names if not making().again(name)]
    )
    makers = map(making().maker, rebuilt_files(None))
    beside = {
        "contents",
        "index",
        "all",
        "tables",
        "figures",
        "rebuilt",
        "compare_packs",
        "pack_listed",
        "publish",
    }
    known = {one.rule for one in makers} | beside
    # Snakemake's own `--allowed-rules` is read before the rules are.
    for name in [one.name for one in workflow.rules if one.name not in known]:
        del workflow._rules[name]
    for name, needs in lacking.items():
        logger.info(f"Left out: {name}, which needs {needs}.")
