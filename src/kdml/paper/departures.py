"""How a run differs from the paper's setting, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kdml.paper import numbers
from kdml.paper.numbers import weights_in
from kdml.runs.graph import VARIANTS, paper_graph
from kdml.runs.settings import Sharing, Training

# What the paper trained with; where it is silent, what config.yaml takes in its place. dataset -> (images, pixels of a side).
IMAGES: Mapping[str, tuple[int, int]] = {"hcd": (20000, 224), "lgg": (3929, 256), "ham10000": (10015, 224)}
EPOCHS, BATCH_SIZE, LEARNING_RATE = 200, 8, 1e-4
TEST, NEAR = 0.15, 0.05  # share of the images to test on; whole patients, or lesions, do not part to the image
MACHINE = ("device", "deterministic", "threads")  # settings that change rounding alone
BACKBONES = ("resnet50", "resnet18", "mobilenetv1_100")


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
    words += _changed(training, Training(), ("epochs", "batch_size", "learning_rate", *MACHINE))
    words += _changed(settings.get("sharing", {}), Sharing(), ())
    for network in settings["networks"].values():
        name, weights = network["architecture"], network["weights"]
        if network["backbone"]["options"] or network["backbone"]["timm"] not in BACKBONES:
            words.append(f"network {name}")
        words += [f"{name} from a random start"] if weights is None else []
        words += [f"{name}: {weights['note']}"] if weights and weights["note"] else []
    words += [] if _has_papers_weights(settings) else ["weights alpha, beta, gamma of its own"]
    return list(dict.fromkeys(words))


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
