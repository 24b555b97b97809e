"""Names of all files of an experiment, each said once: functions of runs, trials and places, relative to the working directory.

A run whose fields are Snakemake's wildcards, such as `{seed}`, gives the pattern that a rule's output has.
"""

from dataclasses import dataclass
from typing import Protocol, cast

from kdml.experiment.plan import Run


class Located(Protocol):
    """Whatever is at a place: a run, a place, the wildcards of a job."""

    @property
    def protocol(self) -> str:
        """How the split is made."""

    @property
    def task(self) -> str:
        """Key of the task."""

    @property
    def pair(self) -> str:
        """Key of the pair."""


# A pattern of files: its fields are wildcards, also that of the seed.
ANY_RUN = Run("{protocol}", "{task}", "{pair}", "{run}", cast(int, "{seed}"))


def table(name: str, suffix: str) -> str:
    """A table that a reader sees; of the experiment that was rendered last."""
    return f"results/tables/{name}.{suffix}"


def figure(name: str, suffix: str) -> str:
    """A figure that a reader sees; of the experiment that was rendered last."""
    return f"results/figures/{name}.{suffix}"


def claims(suffix: str) -> str:
    """Verdicts on the paper's claims; of the experiment that was rendered last."""
    return f"results/claims.{suffix}"


def rebuilt() -> str:
    """What became of the files of a pack that was rebuilt from it."""
    return "results/rebuilt.csv"


def packs_compared(suffix: str) -> str:
    """Two packs of one experiment beside each other."""
    return f"results/packs_compared.{suffix}"


@dataclass(frozen=True)
class Paths:
    """Files of one experiment.

    Args:
        experiment: its name.
    """

    experiment: str

    @property
    def results(self) -> str:
        """Folder of everything computed."""
        return f"results/{self.experiment}"

    @property
    def resources(self) -> str:
        """Folder of everything drawn or downloaded for this experiment."""
        return f"resources/{self.experiment}"

    @property
    def logs(self) -> str:
        """Folder of what the jobs say."""
        return f"logs/{self.experiment}"

    # Archives, data, start weights

    def drawn_archive(self, archive: str) -> str:
        """An archive of look-alike images."""
        return f"{self.resources}/archives/{archive}.zip"

    def archive_record(self, archive: str) -> str:
        """Where an archive is, and its checksum."""
        return f"{self.results}/archives/{archive}.json"

    def data(self, dataset: str) -> str:
        """Folder of a dataset's prepared arrays."""
        return f"{self.results}/data/{dataset}"

    def data_report(self, dataset: str) -> str:
        """What was prepared, with checksums."""
        return f"{self.data(dataset)}/report.json"

    def index(self, dataset: str) -> str:
        """A row per prepared image."""
        return f"{self.data(dataset)}/index.parquet"

    def images(self, dataset: str) -> str:
        """The prepared images."""
        return f"{self.data(dataset)}/images.npy"

    def masks(self, dataset: str) -> str:
        """The prepared masks of a dataset that has some."""
        return f"{self.data(dataset)}/masks.npy"

    def split(self, protocol: str, task: str, seed: int | str) -> str:
        """Training, validation and test rows."""
        return f"{self.results}/{protocol}/{task}/split-{seed}.csv"

    def split_report(self, protocol: str, task: str, seed: int | str) -> str:
        """How many test images of a split resemble training images."""
        return f"{self.results}/{protocol}/{task}/leakage-{seed}.json"

    def splits(self) -> str:
        """All splits in use, and where their leakage reports lie."""
        return f"{self.results}/splits.csv"

    def leakage(self, suffix: str) -> str:
        """How many test images of every split resemble training images."""
        return f"{self.results}/leakage.{suffix}"

    def check_of_data(self, suffix: str) -> str:
        """What is in the prepared data, and what each way to split them would leak, on request."""
        return f"{self.results}/check_data.{suffix}"

    def start_weights(self, name: str) -> str:
        """Start weights of a backbone."""
        return f"{self.resources}/weights/{name}.safetensors"

    # Runs

    def run(self, run: Run) -> str:
        """Folder of a run."""
        return f"{self.results}/{run.folder}"

    def weights(self, run: Run) -> str:
        """Trained networks."""
        return f"{self.run(run)}/weights.safetensors"

    def predictions(self, run: Run) -> str:
        """Outputs on the test set."""
        return f"{self.run(run)}/predictions.npz"

    def validation(self, run: Run) -> str:
        """Outputs on the validation part, which temperatures are fitted on."""
        return f"{self.run(run)}/validation.npz"

    def history(self, run: Run) -> str:
        """Losses and scores of every epoch."""
        return f"{self.run(run)}/history.csv"

    def record(self, run: Run) -> str:
        """All that decided the run."""
        return f"{self.run(run)}/run.json"

    def train_log(self, run: Run) -> str:
        """What the training of a run says."""
        return f"{self.logs}/train/{run.folder}.log"

    def run_metrics(self, run: Run) -> str:
        """Metrics of the networks of one run, on request."""
        return f"{self.run(run)}/metrics.json"

    def run_cases(self, run: Run) -> str:
        """What was measured on every test case of one run, on request."""
        return f"{self.run(run)}/cases.csv"

    def run_regions(self, run: Run) -> str:
        """What was measured on every region of the test masks of one run, on request."""
        return f"{self.run(run)}/regions.csv"

    # Grid search

    def grid_search(self, at: Located) -> str:
        """Folder of the grid search at a place."""
        return f"{self.results}/grid_search/{at.protocol}/{at.task}/{at.pair}"

    def trial(self, run: Run, name: str) -> str:
        """Folder of a trial, by the variant that is trained and the trial's name."""
        return f"{self.grid_search(run)}/{run.run}/{name}/seed-{run.seed}"

    def trial_history(self, run: Run, name: str) -> str:
        """Losses and scores of every epoch of a trial."""
        return f"{self.trial(run, name)}/history.csv"

    def trial_record(self, run: Run, name: str) -> str:
        """All that decided a trial."""
        return f"{self.trial(run, name)}/run.json"

    def trial_log(self, run: Run, name: str) -> str:
        """What the training of a trial says."""
        return f"{self.logs}/grid_search/{run.protocol}/{run.task}/{run.pair}/{run.run}/{name}/seed-{run.seed}.log"

    def trials(self, at: Located) -> str:
        """Trials of a place, with their columns in the table of scores."""
        return f"{self.grid_search(at)}/trials.csv"

    def scores(self, at: Located) -> str:
        """Validation scores of the trials of a place."""
        return f"{self.grid_search(at)}/scores.csv"

    def ranked_settings(self, at: Located) -> str:
        """The settings that were tried at a place, ranked by their mean score."""
        return f"{self.grid_search(at)}/settings.csv"

    def hyperparameters(self) -> str:
        """The best settings of all variants that were searched."""
        return f"{self.results}/grid_search/hyperparameters.csv"

    # Places. A sheet is a part of the runs of a place: variants, methods, alone (networks), teacher (of KD (off)), fidelity

    def place(self, at: Located) -> str:
        """Folder of a place."""
        return f"{self.results}/{at.protocol}/{at.task}/{at.pair}"

    def runs(self, at: Located) -> str:
        """The table of runs of a place."""
        return f"{self.place(at)}/runs.csv"

    def sheet(self, at: Located, sheet: str, name: str) -> str:
        """A file on the runs of a sheet, such as `values.csv`."""
        return f"{self.place(at)}/{sheet}/{name}"

    def values(self, at: Located, sheet: str) -> str:
        """Means over seeds with intervals of the runs of a sheet."""
        return self.sheet(at, sheet, "values.csv")

    def by_seed(self, at: Located, sheet: str) -> str:
        """Values of every single run of a sheet."""
        return self.sheet(at, sheet, "by_seed.csv")

    def cases(self, at: Located, sheet: str) -> str:
        """What was measured on every test case in the runs of a sheet."""
        return self.sheet(at, sheet, "cases.parquet")

    def regions(self, at: Located, sheet: str) -> str:
        """What was measured on every region of the test masks in the runs of a sheet."""
        return self.sheet(at, sheet, "regions.parquet")

    def found(self, at: Located, sheet: str) -> str:
        """How many students of the runs of a sheet find each region of the test masks."""
        return self.sheet(at, sheet, "found.csv")

    def confusion(self, at: Located, sheet: str) -> str:
        """Test cases of the runs of a sheet by true and predicted class."""
        return self.sheet(at, sheet, "confusion.csv")

    def reliability(self, at: Located, sheet: str) -> str:
        """How often what the runs of a sheet predict comes true, by the probability that they give it."""
        return self.sheet(at, sheet, "reliability.csv")

    def coverage(self, at: Located, sheet: str) -> str:
        """What is wrong among the surest cases of the runs of a sheet."""
        return self.sheet(at, sheet, "coverage.csv")

    def comparison(self, at: Located, sheet: str) -> str:
        """The paper's numbers beside those of a sheet."""
        return self.sheet(at, sheet, "comparison.csv")

    def curves(self, at: Located, sheet: str) -> str:
        """Learning curves of the runs of a sheet."""
        return self.sheet(at, sheet, "curves.csv")

    def bands(self, at: Located, sheet: str) -> str:
        """Means and ranges of the learning curves over seeds."""
        return self.sheet(at, sheet, "bands.csv")

    def methods(self, at: Located) -> str:
        """Loss weights and options of the published methods at a place."""
        return self.sheet(at, "methods", "methods.csv")

    def teachers(self, at: Located) -> str:
        """Agreement of independently seeded teachers, by pair of seeds."""
        return self.sheet(at, "fidelity", "teachers.csv")

    def teachers_summary(self, at: Located) -> str:
        """Mean agreement of independently seeded teachers."""
        return self.sheet(at, "fidelity", "teachers_summary.csv")

    def contrasts(self, at: Located, of: str) -> str:
        """Differences between variants, or (`of` is `_methods`) between published methods and the proposed variant."""
        return f"{self.place(at)}/contrasts{of}.csv"

    def flips(self, at: Located, of: str = "") -> str:
        """What teacher or student alone get right and the networks in their place wrong, by subgroup."""
        return f"{self.place(at)}/flips{of}.csv"

    def non_inferiority(self, at: Located, of: str = "") -> str:
        """Whether students are good enough to take the teacher's place."""
        return f"{self.place(at)}/non_inferiority{of}.csv"

    def between_protocols(self, at: Located) -> str:
        """What the leakage of a split by image is worth: every run minus the same under the split by group."""
        return f"{self.place(at)}/between_protocols.csv"

    def second_student(self, at: Located, of: str = "") -> str:
        """What ensembles are worth beyond the best of their students."""
        return f"{self.place(at)}/second_student{of}.csv"

    def cka(self, at: Located, group: str, name: str) -> str:
        """CKA of a group of runs: `layers`, or `upper` for the mean over the higher layers."""
        return f"{self.cka_folder(at)}/{group}/{name}.csv"

    def cka_folder(self, at: Located) -> str:
        """Folder of the CKA of a place."""
        return f"{self.place(at)}/similarity"

    def similarity(self, at: Located) -> str:
        """Mean CKA of the higher layers of every run of a place."""
        return f"{self.place(at)}/similarity.csv"

    def similarity_summary(self, at: Located) -> str:
        """Mean and spread over seeds of the CKA of the higher layers."""
        return f"{self.place(at)}/similarity_summary.csv"

    def compression(self, at: Located) -> str:
        """Scores of all networks beside their costs."""
        return f"{self.place(at)}/compression.csv"

    def exported(self, at: Located, name: str = "") -> str:
        """Folder of a place to take home, or a file in it."""
        folder = f"{self.results}/export/{at.protocol}/{at.task}/{at.pair}"
        return f"{folder}/{name}" if name else folder

    def exported_zip(self, at: Located) -> str:
        """Packed folder of a place to take home."""
        return f"{self.exported(at)}.zip"

    def costs(self, task: str, pair: str) -> str:
        """Parameters, operations and time of a pair's networks."""
        return f"{self.results}/networks/{task}/{pair}/costs.csv"

    def layers(self, task: str, pair: str) -> str:
        """Layers of a pair's networks."""
        return f"{self.results}/networks/{task}/{pair}/layers.csv"

    def heads(self) -> str:
        """Parameters of the paper's networks by how they end."""
        return f"{self.results}/networks/heads.csv"

    # All places, tables, figures

    def readings(self) -> str:
        """The claim on the networks' size under every reading of how they end."""
        return f"{self.results}/readings.csv"

    def design(self) -> str:
        """What the experiment can detect, and the paper's."""
        return f"{self.results}/design.csv"

    def calibration(self) -> str:
        """How long a step of every kind of training takes on the machine at hand, on request."""
        return f"{self.results}/calibration.json"

    def all_metrics(self) -> str:
        """Metrics of all runs."""
        return f"{self.results}/metrics.csv"

    def whole_comparison(self) -> str:
        """Every number of the paper beside ours."""
        return f"{self.results}/comparison.csv"

    def slice_images(self, figure: str) -> str:
        """Images and masks that a figure shows."""
        return f"{self.results}/slices/{figure}.npz"

    def slices(self, figure: str) -> str:
        """What is said of them."""
        return f"{self.results}/slices/{figure}.csv"

    def graphs(self) -> str:
        """Who sends what to whom in every variant."""
        return f"{self.results}/graphs.csv"

    def contents(self) -> str:
        """Tables and figures on the static page, with titles, captions and files."""
        return f"{self.results}/contents.json"

    # Result packs

    def pack(self) -> str:
        """All numbers of the experiment in one file, on request."""
        return f"{self.results}.zip"

    def pack_listed(self) -> str:
        """What goes into it, on request."""
        return f"{self.results}/pack.json"
