"""What the analyses ask for."""


def kind_of_task(wildcards):
    """Classification or segmentation."""
    return EXPERIMENT.tasks[wildcards.task].kind


def classes_of(wildcards):
    """Number of classes of a task; 0 for segmentation."""
    task = EXPERIMENT.tasks[wildcards.task]
    return len(task.classes) if task.kind == "classification" else 0


def task_options(wildcards):
    """Kind, outputs and image size of a task, as arguments of a script."""
    task = EXPERIMENT.tasks[wildcards.task]
    size = EXPERIMENT.datasets[task.dataset].image_size
    return f"--kind {task.kind} --outputs {task.outputs} --size {size}"


def metrics_in(wildcards):
    """Metrics of the runs of one protocol, task and pair."""
    return [PATHS.metrics(run) for run in ANALYSES.runs_in(wildcards, wildcards.of)]


def descriptions_in(wildcards):
    """What the tidy table says of each of these runs, as JSON."""
    return json.dumps(ANALYSES.described(ANALYSES.runs_in(wildcards, wildcards.of)))


def summarised(wildcards):
    """The tables of one form that are summarised: one, or of CKA one for every technique and seed."""
    if wildcards.tidy == "similarity":
        return ANALYSES.similarity(place_of(wildcards), "upper")
    return f"{PATHS.place(wildcards)}/{wildcards.tidy}.csv"


def summary_options(wildcards):
    """Which column is summarised, and over which."""
    return SUMMARISED[wildcards.tidy]


# Runs of one protocol, task and pair that an analysis takes, each with the name that it goes by


def contrasted(wildcards):
    """What is compared with each other: variants and networks trained alone, or methods."""
    return ANALYSES.contrasted(place_of(wildcards), wildcards.of)


def valued(wildcards):
    """What is shown with its values; the pair may be a network, trained alone."""
    at = place_of(wildcards) if wildcards.of == OF_METHODS else wildcards
    return ANALYSES.valued(at, wildcards.of)


def independent(wildcards):
    """Teachers that were trained from different seeds."""
    return [(run.run, run) for run in CATALOGUE.teachers_at(place_of(wildcards))]


def cases_of(chosen):
    """Input function: what was measured on every test case in the runs that `chosen` gives for wildcards."""
    return lambda wildcards: ANALYSES.cases(chosen(wildcards))


def folders_of(chosen):
    """Parameter: the same runs as JSON: folder, run, seed."""
    return lambda wildcards: json.dumps(ANALYSES.folders(chosen(wildcards)))


def predictions_of_teachers(wildcards):
    """Predictions of independently seeded teachers."""
    return [PATHS.predictions(run) for _, run in independent(wildcards)]


def name_of_place(wildcards):
    """The place as the claims name it."""
    return place_of(wildcards).name


def contrasts_options(wildcards):
    """Arguments of src/contrasts.py that not every call has."""
    return " ".join(filter(None, ["--methods" if wildcards.of else "", mixed_code()]))


def compared_architecture(wildcards):
    """Arguments of src/compare.py: which of the paper's architectures to compare with."""
    if wildcards.pair in EXPERIMENT.pairs:
        student = EXPERIMENT.pairs[wildcards.pair].student
        kind = {OF_METHODS: "methods", TAUGHT: "fidelity"}.get(wildcards.of, "variants")
        return f"--architecture {PLAN.stands_for(student)} --of {kind}"
    return f"--architecture {PLAN.stands_for(wildcards.pair)} --of baselines"


def methods_records(wildcards):
    """What was recorded of the methods of one protocol, task and pair."""
    return [PATHS.record(run) for run in CATALOGUE.methods_at(place_of(wildcards))]


def methods_described(wildcards):
    """The same runs as JSON: run, title, seed, folder."""
    return json.dumps(ANALYSES.methods_described(place_of(wildcards)))


# Networks


def grouped_runs(wildcards):
    """Runs whose CKA one job computes."""
    return ANALYSES.grouped(place_of(wildcards), wildcards.group, int(wildcards.seed))


def similarity_inputs(wildcards):
    """Weights of these runs and of the teachers that they are compared with, and the start weights that say how to build them."""
    runs = grouped_runs(wildcards)
    teachers = filter(None, map(CATALOGUE.reference_of, runs))
    everything = dict.fromkeys([*runs, *teachers])
    return {
        "data": PATHS.data_report(dataset_of(wildcards.task)),
        "split": sorted({ANALYSES.split(run) for run in runs}),
        "trained": [PATHS.weights(run) for run in everything],
        "weights": ANALYSES.start_weights(everything),
    }


def similarity_runs(wildcards):
    """The same runs as JSON: run, seed, folder, split, teacher."""
    return json.dumps(list(ANALYSES.similarity_described(grouped_runs(wildcards))))


def network_options(wildcards):
    """Further arguments of src/networks.py."""
    students = ANALYSES.numbers_of_students(wildcards.task, wildcards.pair_of_task)
    return f"{task_options(wildcards)} --students {' '.join(map(str, students))}"


def compression_inputs(wildcards):
    """Costs and values of a pair's networks, also of those trained alone."""
    place = place_of(wildcards)
    named = {label.replace("-", "_"): path for label, path in ANALYSES.values(place)}
    return {"costs": ANALYSES.costs(place), **named}


def compression_options(wildcards, input):
    """The same as arguments of src/scores_by_cost.py."""
    alone = {
        role: input[f"values_{role}"]
        for role in ("teacher", "student")
        if f"values_{role}" in input.keys()
    }
    options = {"--costs": input.costs, "--values": input["values"]}
    options |= {f"--{role}-alone": path for role, path in alone.items()}
    return " ".join(f"{name} {path}" for name, path in options.items())


def networks_of_pair(wildcards):
    """Settings of a pair's teacher and student, by name."""
    return PLAN.architectures(wildcards.task, wildcards.pair_of_task)


def pair_networks(wildcards):
    """The same as JSON."""
    networks = networks_of_pair(wildcards)
    return json.dumps(
        {name: one.model_dump(mode="json") for name, one in networks.items()},
        sort_keys=True,
    )


def pair_titles(wildcards):
    """What a pair's networks are called, as JSON."""
    titles = {
        name: EXPERIMENT.networks[one.architecture].title
        for name, one in networks_of_pair(wildcards).items()
    }
    return json.dumps(
        {"teacher": f"{titles['teacher']} (teacher)", "student": titles["student"]}
    )


def pair_weights(wildcards):
    """Start weights of a pair's networks: they say how a backbone is built."""
    networks = networks_of_pair(wildcards).values()
    names = {one.weights_name for one in networks if one.weights_name}
    return [PATHS.start_weights(name) for name in sorted(names)]


# Tables and figures with a step of their own before they are drawn


def curves_histories(wildcards):
    """Histories of the runs of a table."""
    return [PATHS.history(run) for run in item_of(wildcards).runs]


def curves_runs(wildcards):
    """The same runs as JSON: folder, where, run, seed."""
    return json.dumps(ANALYSES.curves_described(item_of(wildcards).runs))


def slices_item(wildcards):
    """A figure of slices."""
    known = {name: item for name, item in FIGURES.items() if item.kind == "slices"}
    return asked_for(wildcards.figure, known, "figure of slices")


def slices_inputs(wildcards):
    """Predictions and regions of the shown runs, and cases of the judges."""
    item = slices_item(wildcards)
    shown = [
        path
        for run in item.runs
        for path in (PATHS.predictions(run), PATHS.regions(run))
    ]
    return shown + [PATHS.cases(run) for run in ANALYSES.judges(item)]


def slices_options(wildcards):
    """Arguments of src/slices.py."""
    item = slices_item(wildcards)
    number, rule, count = item.option.split(":")
    networks = ["ensemble"] if number == "7" else ["s1", "s2"]
    runs = [
        {"run": run.run, "folder": PATHS.run(run), "networks": networks}
        for run in item.runs
    ]
    judges = " ".join(PATHS.run(run) for run in ANALYSES.judges(item))
    data = PATHS.data(dataset_of(item.place.task))
    return f"--runs '{json.dumps(runs)}' --judges {judges} --data {data} --rule {rule} --count {count}"
