"""Inputs and arguments of the rules that make folders to take home, as functions of a job's wildcards."""

from kdml.experiment.inputs import FIDELITY_SHEET
from kdml.experiment.plan import Run
from kdml.experiment.rule_functions import RuleFunctions, Wildcards, Words


class ExportFunctions:
    """Functions that the rules of export take inputs and parameters from.

    Args:
        functions: those of all other rules.
    """

    def __init__(self, functions: RuleFunctions):
        self.functions, self.inputs, self.paths = functions, functions.inputs, functions.paths

    def zips(self) -> list[str]:
        """All that `snakemake export` makes: a folder, packed, for every place with a student."""
        return [self.paths.exported_zip(place) for place in self.inputs.places.all if self.inputs.sheets(place)]

    def _runs(self, wildcards: Wildcards) -> list[Run]:
        """All trainings at a place, of variants, methods and networks alone, each once."""
        place = self.functions.place(wildcards)
        sheets = [sheet for sheet in self.inputs.sheets(place) if sheet != FIDELITY_SHEET]
        return list(dict.fromkeys(run for sheet in sheets for run in self.inputs.runs_of(place, sheet)))

    def of_runs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """What the runs of a place have left, among which the best students are chosen; and what their splits share."""
        runs = self._runs(wildcards)
        return {
            "records": list(map(self.paths.record, runs)),
            "weights": list(map(self.paths.weights, runs)),
            "predictions": list(map(self.paths.predictions, runs)),
            "validation": list(map(self.paths.validation, runs)),
            "leakage": [report for _, report in self._splits(wildcards)],
        }

    def splits(self, wildcards: Wildcards) -> list[str]:
        """Splits of these runs."""
        return [split for split, _ in self._splits(wildcards)]

    def _splits(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Every split of the runs of a place, and its leakage report."""
        seeds = sorted({self.functions.plan.split_seed(run) for run in self._runs(wildcards)})
        keys = [(wildcards.protocol, wildcards.task, seed) for seed in seeds]
        return [(self.paths.split(*key), self.paths.split_report(*key)) for key in keys]

    def licence(self, wildcards: Wildcards) -> str:
        """Terms of use that the configuration states of a user's own data set."""
        return self.functions.experiment.datasets[self.functions.dataset(wildcards.task)].licence

    def leakage_words(self, wildcards: Wildcards) -> Words:
        """Leakage report of every split, as arguments of src/export.py."""
        return [f"{split}={report}" for split, report in self._splits(wildcards)]
