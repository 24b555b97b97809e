"""Inputs and arguments of the rules that open networks after training or count their costs, as functions of a job's wildcards."""

import json
from collections.abc import Callable
from typing import Any

from kdml.experiment.plan import Run
from kdml.experiment.rule_functions import RuleFunctions, Wildcards


class NetworkFunctions:
    """Functions that rules on networks take inputs and parameters from.

    Args:
        functions: those of all other rules.
    """

    def __init__(self, functions: RuleFunctions):
        self.functions, self.inputs, self.paths = functions, functions.inputs, functions.paths
        self.places, self.plan, self.experiment = functions.places, functions.plan, functions.experiment

    def cka_runs(self, wildcards: Wildcards) -> list[Run]:
        """Runs whose CKA one job computes."""
        return self.places.grouped(self.functions.place(wildcards), wildcards.group)

    def cka_networks(self, wildcards: Wildcards) -> list[str]:
        """Weights of these runs and of the networks that they are compared with."""
        runs = self.cka_runs(wildcards)
        everything = dict.fromkeys([*runs, *filter(None, map(self.places.reference_of, runs))])
        return list(map(self.paths.weights, everything))

    def cka_of_place(self, wildcards: Wildcards) -> list[str]:
        """CKA of all runs of a place."""
        place = self.functions.place(wildcards)
        return self.inputs.cka(place, self.places.variants_at(place), "upper")

    def costs_and_layers(self, kind: Callable[[str, str], str]) -> list[str]:
        """Outputs of src/networks.py: a file of this kind for every task and pair."""
        return list(dict.fromkeys(kind(place.task, place.pair) for place in self.places.all))

    def pairs_by_task(self, wildcards: Wildcards) -> str:
        """What src/networks.py is told of the pairs, as JSON."""
        pairs = {f"{place.task}/{place.pair}": self._pair(place.task, place.pair) for place in self.places.all}
        return json.dumps(pairs, sort_keys=True)

    def _pair(self, task: str, pair: str) -> dict[str, Any]:
        networks, settings = self.plan.architectures(task, pair), self.experiment.tasks[task]
        titles = {name: self.experiment.networks[one.architecture].title for name, one in networks.items()}
        return {
            "kind": settings.kind,
            "outputs": settings.outputs,
            "size": self.experiment.datasets[settings.dataset].image_size,
            "threads": self.plan.training[task].threads,
            "students": self.inputs.numbers_of_students(task, pair),
            "titles": titles | {"teacher": f"{titles['teacher']} (teacher)"},
            **{name: one.model_dump(mode="json") for name, one in networks.items()},
        }
