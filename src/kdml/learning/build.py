"""Networks, data and device of a run, made from its settings and files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kdml.common import gpus
from kdml.common.errors import UserError
from kdml.data.arrays import Arrays, Part, open_arrays, read_split
from kdml.learning.augment import Augmenter
from kdml.learning.batches import TrainingBatches, balanced, class_weights
from kdml.learning.cohort import Cohort
from kdml.learning.method_cohort import MethodCohort
from kdml.learning.networks import Network, build, load_network
from kdml.learning.start_weights import StartWeights, load_start
from kdml.runs.graph import BASELINE, TEACHER, TeacherMode, is_student
from kdml.runs.own_method import is_own
from kdml.runs.settings import RunSettings

# Networks of one slot start alike in every variant: the first student of a variant and the baseline share their new head.
_SLOTS = {BASELINE: 1, TEACHER: 0}


@dataclass(frozen=True)
class RunData:
    """Arrays and the parts of the split."""

    arrays: Arrays
    parts: Mapping[str, Part]


def open_data(settings: RunSettings, folder: Path, split: Path) -> RunData:
    """Open and check a run's data; only classification does without masks."""
    arrays = open_arrays(folder, with_masks=settings.kind == "segmentation")
    parts = read_split(split, len(arrays.images))
    _check_labels(settings, parts, split)
    if settings.kind == "segmentation" and settings.outputs > 1:
        _check_masks(settings, arrays, folder)
    return RunData(arrays, parts)


def _check_labels(settings: RunSettings, parts: Mapping[str, Part], split: Path) -> None:
    if settings.kind == "segmentation":
        return
    labels = {int(label) for part in parts.values() for label in part.labels}
    if labels - set(range(settings.outputs)):
        raise UserError(
            f"{split} has the labels {sorted(labels)}, but the task {settings.task} has {settings.outputs} classes.",
            f"make `tasks.{settings.task}.classes` fit the data set",
        )


def _check_masks(settings: RunSettings, arrays: Arrays, folder: Path) -> None:
    """Masks of several classes must be of the task's."""
    largest = 0 if arrays.masks is None else int(arrays.masks.max())
    if largest >= settings.outputs:
        raise UserError(
            f"{folder}: masks.npy has the class {largest}, but the task {settings.task} only those up to {settings.outputs - 1}.",
            f"make `tasks.{settings.task}.classes` fit the data set",
        )


def gpus_for(settings: RunSettings) -> dict[str, str]:
    """GPUs of this machine that the run may take one of; none where it is set to the CPU."""
    return {} if settings.training.device == "cpu" else gpus.gpus_here()


def choose_device(settings: RunSettings) -> str:
    """`cpu` or `cuda`, and the run's rounding: threads, deterministic kernels.

    Raises:
        UserError: `device: cuda` without a GPU; a GPU was given to this process that torch does not see, or has no kernels for.
    """
    wanted, available = settings.training.device, torch.cuda.is_available()
    given = os.environ.get(gpus.VISIBLE, "")
    if wanted == "auto" and not available and given not in gpus.NONE:
        raise UserError(
            f"This process was given a GPU (CUDA_VISIBLE_DEVICES={given}), but torch sees none.",
            "compare nvidia-smi with `python -c 'import torch; print(torch.version.cuda)'`; to train on the CPU, which takes "
            "many times as long, set `training.device: cpu`",
        )
    if wanted == "cuda" and not available:
        raise UserError(
            "`training.device: cuda`, but torch sees no GPU.", "use `device: auto`, or ask the scheduler for a GPU"
        )
    device = "cuda" if available and wanted != "cpu" else "cpu"
    if device == "cuda":
        _check_kernels(torch.cuda.get_device_name(), torch.cuda.get_device_capability(), torch.cuda.get_arch_list())
    torch.set_num_threads(settings.training.threads)
    torch.manual_seed(settings.seed)
    # Of a user's own method nobody knows whether it has deterministic kernels only; all of the package's have.
    own = settings.method is not None and is_own(settings.method.name)
    torch.use_deterministic_algorithms(settings.training.deterministic, warn_only=own)
    # Filling fresh memory finds kernels that read it unwritten; none here does, and it costs time in every step.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = not settings.training.deterministic
    # Newer GPUs would round float32 to 10 bits in convolutions, so that it would not be one thing on all of them.
    rounded = settings.training.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = rounded
    return device


def _check_kernels(name: str, capability: tuple[int, int], built_for: list[str]) -> None:
    """Refuse a GPU that this torch has no kernels for: without them the first one ends in a traceback.

    Args:
        name: of the GPU.
        capability: its compute capability, such as (8, 6).
        built_for: what torch was built for: `sm_80` runs on 8.0 and later of 8, `compute_80` on all that came later.
    """
    for built in built_for:
        kind, _, number = built.partition("_")
        digits = number.rstrip("af")  # suffixes of variants for one architecture alone
        major, minor = int(digits[:-1]), int(digits[-1])
        if (kind == "sm" and major == capability[0] and minor <= capability[1]) or (
            kind == "compute" and (major, minor) <= capability
        ):
            return
    raise UserError(
        f"torch {torch.__version__} has no kernels for {name} (compute capability {capability[0]}.{capability[1]}; it has "
        f"{', '.join(built_for)}).",
        "install a torch that was built for this GPU (pytorch.org), or set `training.device: cpu`",
    )


def loading_processes(wanted: str | int, device: str) -> int:
    """Number of loading processes: none beside a CPU, whose step leaves no core idle; a GPU needs them.

    Args:
        wanted: a number, or `auto`.
        device: `cpu` or `cuda`.
    """
    if wanted != "auto":
        return int(wanted)
    return min(8, max(1, len(os.sched_getaffinity(0)) - 1)) if device == "cuda" else 0


def build_cohort(
    settings: RunSettings,
    starts: Mapping[str, Path],
    teacher: Path | None,
    size: int,
    weights: Tensor | None = None,
) -> Cohort:
    """Networks of a run with their start weights, a frozen teacher with its trained ones.

    Args:
        settings: of the run.
        starts: files of start weights by their name in the configuration.
        teacher: weights of the trained teacher's run, for offline distillation.
        size: of the images, in pixels of a side.
        weights: class weights of the cross-entropy.

    Raises:
        UserError: a file is missing, damaged or does not fit.
    """
    loaded = {name: load_start(path) for name, path in starts.items()}
    networks = {name: _network(settings, name, loaded) for name in settings.networks}
    if settings.teacher is TeacherMode.FROZEN:
        if teacher is None:
            raise UserError(
                "This run needs a trained teacher.", "pass --teacher weights.safetensors of the teacher's run"
            )
        load_network(teacher, networks[TEACHER])
    return wired(settings, networks, size, weights)


def wired(settings: RunSettings, networks: Mapping[str, Network], size: int, weights: Tensor | None = None) -> Cohort:
    """Networks of a run, with its sharing graph or its method between them.

    Args:
        settings: of the run.
        networks: by name.
        size: of the images, in pixels of a side.
        weights: class weights of the cross-entropy.

    Raises:
        UserError: the method does not fit the networks or cannot take its options.
    """
    if settings.method is not None:
        return MethodCohort(settings, networks, size, weights)
    return Cohort(settings, networks, weights)


def _network(settings: RunSettings, name: str, starts: Mapping[str, StartWeights]) -> Network:
    spec = settings.networks[name]
    if spec.weights_name is not None and spec.weights_name not in starts:
        raise UserError(
            f"Network {name} starts from the weights '{spec.weights_name}'.", f"pass --weights {spec.weights_name}=FILE"
        )
    slot = int(name.removeprefix("s")) if is_student(name) else _SLOTS[name]
    start = starts[spec.weights_name] if spec.weights_name else None
    return build(spec, settings.kind, settings.outputs, settings.sharing, start, seed=1000 * settings.seed + slot)


def training_part(settings: RunSettings, data: RunData) -> Part:
    """The training rows, resampled if the task asks for it."""
    part = data.parts["train"]
    return balanced(part, settings.seed) if settings.balance == "resample" else part


def cross_entropy_weights(settings: RunSettings, data: RunData) -> Tensor | None:
    """Class weights if the task balances by them."""
    return class_weights(data.parts["train"], settings.outputs) if settings.balance == "class_weights" else None


def training_batches(
    settings: RunSettings, data: RunData, device: str, workers: int, whole: bool = False
) -> TrainingBatches:
    """Shuffled and augmented batches of the training rows.

    Args:
        settings: of the run.
        data: its arrays and parts.
        device: as torch names it; batches for a GPU lie in pinned memory.
        workers: loading processes; 0 to load in this one.
        whole: leave out a last batch that is not of full size.
    """
    training = settings.training
    augmenter = Augmenter(training.augmentation, settings.seed)
    part = training_part(settings, data)
    return TrainingBatches(
        data.arrays, part, augmenter, training.batch_size, settings.seed, workers, pin=device == "cuda", whole=whole
    )
