"""What rules on networks are told."""

import json
from types import SimpleNamespace

from experiments import inputs_of

from kdml.experiment.network_functions import NetworkFunctions
from kdml.experiment.rule_functions import RuleFunctions
from kdml.runs.settings import NetworkSettings


def test_pairs_are_described_as_the_runs_of_each_task_build_them(root):
    ask = NetworkFunctions(RuleFunctions(inputs_of(), root))
    described = json.loads(ask.pairs_by_task(SimpleNamespace()))
    assert described.keys() == {f"{place.task}/{place.pair}" for place in ask.places.all}
    for name, pair in described.items():
        task, key = name.split("/")
        networks = ask.plan.architectures(task, key)
        assert {role: NetworkSettings.model_validate(pair[role]) for role in networks} == networks
        assert pair["kind"] == ask.experiment.tasks[task].kind and pair["titles"]["teacher"].endswith(" (teacher)")
