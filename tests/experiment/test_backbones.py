"""What a plan knows of timm's backbones without torch: their names, what they can be, and the images that they take."""

import copy
import subprocess
import sys

import pytest
import timm
import torch
import yaml
from safetensors.torch import save_file

from kdml.common.errors import UserError
from kdml.experiment.backbones import known, of_another, options_for
from kdml.experiment.config import validated
from kdml.experiment.plan import Plan, Run
from kdml.inspection import backbones as found
from kdml.learning.networks import build
from kdml.learning.start_weights import fetch
from kdml.runs.methods import METHODS
from kdml.runs.settings import Backbone, NetworkSettings, Sharing, StartWeightsSettings

VIT, SWIN = "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"


def planned(root, network="resnet18", **entry):
    """A plan of the classification and the segmentation that the paper's first task and second are, with another network."""
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["run"] |= {
        "methods": (methods := entry.pop("methods", [])),
        "methods_at": ["hcd/resnet50-resnet18"] if methods else [],
        "pairs": ["resnet50-resnet18"],
        "tasks": entry.pop("tasks", ["hcd"]),
    }
    for key in ("classification_tap",):
        if key in entry:
            config["sharing"][key] = entry.pop(key)
    config["datasets"]["hcd"]["image_size"] = config["datasets"]["lgg"]["image_size"] = entry.pop("size", 224)
    config["methods"] = entry.pop("choices", {})
    config["networks"][network] |= entry
    return Plan(validated(copy.deepcopy(config)))


def test_the_table_is_of_the_timm_that_is_pinned():
    """`python -m kdml.inspection.backbones` writes it anew."""
    assert list(known()) == sorted(timm.list_models())


@pytest.mark.parametrize("family", ["resnet", "deit", "mambaout"])
def test_rows_are_what_building_finds(family):
    table = known()
    for row in found.rows({family: timm.list_models(module=family)}):
        facts = table[row["name"]]
        mine = (facts.classifier, int(facts.unet), int(facts.sized), facts.step, facts.lacks, facts.tensors)
        said = (
            row["classifier"],
            row["unet"],
            row["img_size"],
            row["step"],
            frozenset(row["lacks"].split()),
            row["tensors"],
        )
        assert mine == said, row


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("resnet18", "both"), (SWIN, "both"), ("pvt_v2_b0", "both"), (VIT, "classification"), ("xcit_nano_12_p8_224", "classification")],
)  # fmt: skip
def test_what_backbones_can_be(name, kinds):
    assert known()[name].can_be("classification")
    assert known()[name].can_be("segmentation") == (kinds == "both")


def test_networks_are_built_for_the_size_of_the_images(root):
    """Teacher, students and the teacher's block; what takes any size is told none, so its settings are what they were."""
    plan = planned(root, timm=VIT, weights="none", size=96)
    networks = plan.settings(Run("paper", "hcd", "resnet50-resnet18", "kd_off_v3", 0)).networks
    assert networks["s1"].backbone.options == {"img_size": 96} and networks["teacher"].backbone.options == {}
    assert networks["teacher"].block_like.options == {"img_size": 96}
    assert plan.settings(Run("paper", "hcd", "resnet18", "baseline", 0)).networks["baseline"].backbone.options == {
        "img_size": 96
    }


def test_a_tag_of_weights_is_no_other_backbone(root):
    assert planned(root, timm=f"{VIT}.augreg_in21k", weights="none").runs


def test_the_head_alone_is_a_setting_of_the_run(root):
    networks = (
        planned(root, "resnet50", trained="head")
        .settings(Run("paper", "hcd", "resnet50-resnet18", "teacher", 0))
        .networks
    )
    assert networks["teacher"].trained == "head"


REFUSED = {
    "name that timm lacks": ({"timm": "resnet19"}, ["networks.resnet18.timm: timm has no backbone 'resnet19'", "resnet18"]),
    "name like none": ({"timm": "qqqqqqqq"}, ["no backbone 'qqqqqqqq'", "vit_tiny_patch16_224"]),
    "ViT in a U-Net": ({"timm": VIT, "tasks": ["lgg"]}, [f"'{VIT}' cannot be the encoder of a U-Net", SWIN]),
    "size that patches do not divide": (
        {"timm": VIT, "size": 230},
        ["networks.resnet18.timm", "does not take images of 230 pixels", "datasets: hcd: image_size` to 224 or 240, multiples of 16"],
    ),
    "size that windows do not divide": ({"timm": SWIN, "size": 100}, ["96 or 128, multiples of 32"]),
    "another size by hand": (
        {"timm": VIT, "options": {"img_size": 128}},
        ["networks.resnet18.options.img_size: 128, but images of 'hcd' have 224 pixels", "leave it out"],
    ),
    "features before the activation": (
        {"timm": VIT, "classification_tap": "raw_convolution"},
        [f"'{VIT}' has no last convolution", "classification_tap: stage"],
    ),
    "a random backbone that is kept": ({"weights": "none", "trained": "head"}, ["trained: `head` keeps the start weights", "`weights`"]),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("entry", "words"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_with_what_would(root, entry, words):
    with pytest.raises(UserError) as caught:
        planned(root, **({"weights": "none"} | entry if "trained" not in entry else entry))
    for word in words:
        assert word in str(caught.value)


WEIGHTS = {
    "of its own": ("vit_tiny_patch16_224.augreg_in21k", None),
    "of a family with the same tensors": ("deit_tiny_patch16_224.fb_in1k", None),
    "of none that timm has": ("vitt.in1k", None),
    "of a larger one of its family": ("vit_small_patch16_224.augreg_in1k", "set `timm: vit_small_patch16_224`, or"),
    "of one for other images": ("vit_tiny_patch16_384.augreg_in21k_ft_in1k", "set `timm: vit_tiny_patch16_384`, or"),
    "of another architecture": ("levit_128s.fb_dist_in1k", f"names or shapes than '{VIT}'"),
}


@pytest.mark.parametrize(("tag", "words"), WEIGHTS.values(), ids=WEIGHTS)
def test_start_weights_of_another_architecture_are_refused_at_planning(root, tag, words):
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["networks"]["mine"] = {"timm": VIT, "title": "Mine", "weights": "other"}
    config["weights"]["other"] = {"timm": tag}
    if words is None:
        assert validated(config)
        return
    with pytest.raises(UserError) as caught:
        validated(config)
    assert f"networks.mine.weights: '{tag}' has tensors of other names or shapes" in str(caught.value)
    assert words in str(caught.value)


def test_start_weights_with_options_are_judged_by_building(root):
    """Options may change the tensors of the network that is built with them."""
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["networks"]["mine"] = {"timm": VIT, "title": "Mine", "weights": "other"}
    config["weights"]["other"] = {
        "timm": "vit_small_patch16_224.augreg_in1k",
        "options": {"embed_dim": 384, "num_heads": 6},
    }
    assert validated(config)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("vit_base_patch16_clip_224", "vit_base_patch16_clip_quickgelu_224"),
        ("resnet50", "resnet50d"),
        (VIT, "deit_tiny_patch16_224"),
    ],
)
def test_planning_takes_start_weights_where_making_their_file_does(one, other, tmp_path):
    """A whole network's state, as a hub has it, goes through the function that makes the file that trainings read."""
    with torch.device("meta"):
        whole = timm.create_model(other)
    save_file(
        {key: torch.zeros_like(tensor, device="cpu") for key, tensor in whole.state_dict().items()},
        tmp_path / "other.safetensors",
    )
    wanted = StartWeightsSettings(source="file", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    try:
        fetch(wanted, tmp_path / "other.safetensors", "other", one, tmp_path / "start.safetensors")
        made = True
    except UserError:
        made = False
    assert (of_another(one, other) is None) == made


LEVIT = {"timm": "levit_128s", "weights": "none", "size": 64}


@pytest.mark.bad_input
def test_a_method_that_reads_a_tap_which_a_backbone_lacks_is_refused_at_planning(root):
    with pytest.raises(UserError) as caught:
        planned(root, methods=["at"], **LEVIT)
    for word in (
        "'at' reads the tap f1, f2",
        "networks.resnet18 (levit_128s)",
        "hcd/resnet50-resnet18; it has f3, f4",
        "run: methods_at",
    ):
        assert word in str(caught.value)
    with pytest.raises(UserError, match=r"name others with `methods: fitnet: options: tap`"):
        planned(root, methods=["fitnet"], **LEVIT)


@pytest.mark.parametrize(
    ("methods", "entry"),
    [
        (["sp", "simkd", "kd"], LEVIT),  # these read what every classifier has
        (["at", "fitnet"], {"timm": VIT, "weights": "none", "size": 96}),
        (["at"], LEVIT | {"options": {"stages": 3}}),  # the backbone's options may change it
    ],
)
def test_methods_whose_taps_are_there_are_planned(root, methods, entry):
    methods = [name for name in methods if name in METHODS]
    assert planned(root, methods=methods, **entry).runs


def test_a_tap_that_the_configuration_names_is_the_one_that_counts(root):
    assert planned(root, methods=["fitnet"], choices={"fitnet": {"options": {"tap": "f3"}}}, **LEVIT).runs


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("resnet18", "classification"),
        ("levit_128s", "classification"),
        (VIT, "classification"),
        ("resnet18", "segmentation"),
        ("pvt_v2_b0", "segmentation"),
    ],
)
def test_taps_of_the_table_are_those_of_the_network(name, kind):
    options = options_for(name, {}, 64)
    spec = NetworkSettings(
        architecture="x",
        backbone=Backbone(timm=name, options=options),
        head="linear",
        decoder_channels=(16, 8, 8, 8, 8),
    )
    network = build(spec, kind, 2 if kind == "classification" else 1, Sharing(), None, 0)
    assert sorted(network.stages) == sorted(known()[name].taps(kind))


def test_other_options_are_judged_by_building(root):
    assert planned(root, timm=VIT, weights="none", size=230, options={"patch_size": 23}).runs


def test_planning_loads_no_torch():
    code = "import sys; from kdml.experiment.backbones import known; assert known(); assert not {'torch', 'timm'} & sys.modules.keys()"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
