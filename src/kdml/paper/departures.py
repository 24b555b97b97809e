"""How a run differs from the paper's setting, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kdml.paper import numbers
from kdml.paper.numbers import weights_in
from kdml.runs.graph import VARIANTS, paper_graph
from kdml.runs.settings import Sharing, Training

# What the paper trained with; where it is silent, what config.yaml takes in its place. dataset -> (images, pixels of a side).
IMAGES: Mapping[str, tuple[int, int]] = {"hcd": (20000, 224), "lgg": (3929, 256), "ham10000": (10015, 224)}
BALANCED = {"hcd": "none", "lgg": "none", "ham10000_classification": "resample", "ham10000_segmentation": "none"}
EPOCHS, BATCH_SIZE, LEARNING_RATE = 200, 8, 1e-4
TEST, NEAR = 0.15, 0.05  # share of the images to test on; whole patients, or lesions, do not part to the image
MACHINE = ("device", "deterministic", "threads")  # settings that change rounding alone
BACKBONES = tuple(numbers.BACKBONES.values())


@dataclass(frozen=True)
class Cited:
    """Start weights that the paper cites, those of Keras' `classification_models`, told by what a network needs to run them.

    Args:
        stride_on: the convolution of a stage's first block that has the stride.
        options: of the timm builder.
        mean: of the images, per channel, in 0..1.
        std: likewise.
    """

    stride_on: str
    options: Mapping[str, Any]
    mean: Sequence[float]
    std: Sequence[float]


# By timm's name of the backbone. That of ResNet18 is missing: the cited one normalises its input by a BatchNorm of its own, so none
# that timm's network can run is the cited one.
CITED: Mapping[str, Cited] = {
    "resnet50": Cited("1x1", {}, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "mobilenetv1_100": Cited("3x3", {"pad_type": "same", "bn_eps": 0.001}, (0.5,) * 3, (0.5,) * 3),
}


def departures(record: Mapping[str, Any]) -> list[str]:
    """How a run differs from the paper's setting, in words, read from its `run.json`.

    Args:
        record: of the run.
    """
    settings, images = record["settings"], record["images"]
    training = settings["training"]
    dataset = settings["task"].partition("_")[0]
    count, size = IMAGES.get(dataset, (images["total"], images["size"]))
    tested = images["test"] / images["total"]
    said = [
        (images["total"], count, f"{images['total']:,} of {count:,} images"),
        (abs(tested - TEST) <= NEAR, True, f"{tested:.0%} of the images to test on ({TEST:.0%})"),
        (images["size"], size, f"{images['size']} px (paper {size})"),
        (training["epochs"], EPOCHS, f"at most {training['epochs']} epochs ({EPOCHS})"),
        (training["batch_size"], BATCH_SIZE, f"batch {training['batch_size']} ({BATCH_SIZE})"),
        (training["learning_rate"], LEARNING_RATE, f"learning rate {training['learning_rate']:g} ({LEARNING_RATE:g})"),
    ]
    words = [text for ours, theirs, text in said if ours != theirs]
    balance = settings["balance"]
    words += [f"balance {balance} ({theirs})"] if (theirs := BALANCED.get(settings["task"], balance)) != balance else []
    words += _changed(training, Training(), ("epochs", "batch_size", "learning_rate", *MACHINE))
    words += _changed(settings.get("sharing", {}), Sharing(), ())
    for network in settings["networks"].values():
        name, weights = network["architecture"], network["weights"]
        if network["backbone"]["options"] or network["backbone"]["timm"] not in BACKBONES:
            words.append(f"network {name}")
        words += [f"{name}: head alone trained"] if network.get("trained") == "head" else []
        words += [f"{name} from a random start"] if weights is None else []
        words += [_other_start(name, network["backbone"]["timm"], weights)] if weights else []
    words += [] if _has_papers_weights(settings) else ["weights alpha, beta, gamma of its own"]
    if settings.get("method") is None:  # a method's are from its publication
        words += record.get("sharing", {}).get("departures", [])
    return list(dict.fromkeys(filter(None, words)))


def _other_start(name: str, backbone: str, weights: Mapping[str, Any]) -> str:
    """Names start weights that are not the cited ones, with their note; nothing where they may be.

    None of timm's own are: its ResNets have the stride on the 3x3 convolution, its MobileNet was trained anew. A file's content is
    told by what it needs, because the same weights come in files of many checksums.
    """
    cited, source = CITED.get(backbone), weights.get("timm")
    if weights["source"] != "timm":
        if cited is not None and all(weights[key] == value for key, value in _as_json(cited).items()):
            return ""
        source = "weights of a file"
    note = f", {weights['note']}" if weights["note"] else ""
    return f"{name} starts from {source}{note} (cited: those of Keras classification_models)"


def _as_json(cited: Cited) -> dict[str, Any]:
    return {
        "stride_on": cited.stride_on, "options": dict(cited.options), "mean": list(cited.mean), "std": list(cited.std)
    }  # fmt: skip


def _changed(ours: Mapping[str, Any], default: Training | Sharing, left_out: Sequence[str]) -> list[str]:
    """Settings that are not those of `config.yaml`, which are the paper's or fill its gaps."""
    theirs = default.model_dump(mode="json")
    names = [name for name in theirs if name in ours and name not in left_out]
    return [
        f"{name.replace('_', ' ')} {_shown(ours[name], theirs[name])}" for name in names if ours[name] != theirs[name]
    ]


def _shown(ours: Any, theirs: Any) -> str:
    if not isinstance(ours, Mapping):
        return f"{ours} ({theirs})"
    return ", ".join(f"{key} {value} ({theirs.get(key)})" for key, value in ours.items() if value != theirs.get(key))


def _has_papers_weights(settings: Mapping[str, Any]) -> bool:
    """Whether a variant of the paper has the weights of the paper's table for its task and student; True for all other runs.

    Of a student that the paper does not have, any table of the task will do.
    """
    if (key := VARIANTS.get(settings["run"])) is None:
        return True
    student = settings["networks"].get("s1", {}).get("architecture")
    own = numbers.TABLES.get((settings["task"], student))
    tables = (
        [str(own)] if own else [str(number) for (task, _), number in numbers.TABLES.items() if task == settings["task"]]
    )
    mine = _weights(settings["supervised"], settings["edges"])
    swap = settings.get("sharing", {}).get("swap_students", False)
    rows = [
        row
        for row in numbers.rows_of("hyperparameters")
        if row["table"] in tables and (row["technique"], row["strategy"]) == key
    ]
    graphs = [paper_graph(*key, weights_in(row), swap) for row in rows]
    return not rows or any(mine == _weights(graph.supervised, map(asdict, graph.edges)) for graph in graphs)


def _weights(supervised: Mapping[str, float], edges: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], float]:
    """Every weight that is not 0 of a sharing graph."""
    found = {(learner,): weight for learner, weight in supervised.items()}
    found |= {(edge["source"], edge["learner"], str(edge["knowledge"])): edge["weight"] for edge in edges}
    return {key: weight for key, weight in found.items() if weight}
