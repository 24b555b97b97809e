"""What a plan knows of timm's backbones without torch: their names, what they can be, and the images that they take."""

import copy
import subprocess
import sys

import pytest
import timm
import torch
import yaml

from kdml.common.errors import UserError
from kdml.experiment.backbones import known, of_another
from kdml.experiment.config import validated
from kdml.experiment.plan import Plan, Run
from kdml.inspection import backbones as found

VIT, SWIN = "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"


def planned(root, network="resnet18", **entry):
    """A plan of the classification and the segmentation that the paper's first task and second are, with another network."""
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["run"] |= {
        "methods": [],
        "methods_at": [],
        "pairs": ["resnet50-resnet18"],
        "tasks": entry.pop("tasks", ["hcd"]),
    }
    for key in ("classification_tap",):
        if key in entry:
            config["sharing"][key] = entry.pop(key)
    config["datasets"]["hcd"]["image_size"] = config["datasets"]["lgg"]["image_size"] = entry.pop("size", 224)
    config["networks"][network] |= entry
    return Plan(validated(copy.deepcopy(config)))


def test_the_table_is_of_the_timm_that_is_pinned():
    """`python -m kdml.inspection.backbones` writes it anew."""
    assert list(known()) == sorted(timm.list_models())


@pytest.mark.parametrize("family", ["resnet", "deit", "mambaout"])
def test_rows_are_what_building_finds(family):
    names = [name for name in timm.list_models() if found._registry._model_to_module[name] == family]
    table = known()
    for row in found.rows(names):
        facts = table[row["name"]]
        mine = (facts.classifier, int(facts.unet), int(facts.sized), facts.step)
        assert mine == (row["classifier"], row["unet"], row["img_size"], row["step"]), row


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
    "of a larger one of its family, which making them tells": ("vit_small_patch16_224.augreg_in1k", None),
    "of a family with the same tensors": ("deit_tiny_patch16_224.fb_in1k", None),
    "of none that timm has": ("vitt.in1k", None),
    "of another architecture": ("levit_128s.fb_dist_in1k", "are of the architecture levit, not of vision_transformer"),
}


@pytest.mark.parametrize(("tag", "words"), WEIGHTS.values(), ids=WEIGHTS)
def test_start_weights_of_another_architecture_are_refused_at_planning(root, tag, words):
    found = of_another(VIT, tag)
    assert found is None if words is None else words in found
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["networks"]["mine"] = {"timm": VIT, "title": "Mine", "weights": "other"}
    config["weights"]["other"] = {"timm": tag}
    if words is None:
        assert validated(config)
        return
    with pytest.raises(UserError, match=r"networks\.mine\.weights: '.*' " + words) as caught:
        validated(config)
    assert "vit_tiny_patch16_224" in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [("vit_base_patch16_clip_224", "vit_pe_spatial_base_patch16_512"), ("hiera_tiny_224", "sam2_hiera_tiny"), (VIT, "deit_tiny_patch16_224")],
)  # fmt: skip
def test_related_families_have_networks_with_the_same_tensors(one, other):
    with torch.device("meta"):
        first, second = (timm.create_model(name, num_classes=0).state_dict() for name in (one, other))
    shared = {key for key in first.keys() & second.keys() if first[key].shape == second[key].shape}
    apart = {key.partition(".")[0] for key in (first.keys() | second.keys()) - shared}
    assert len(shared) > 50 and apart <= {"pos_embed", "pos_embed_window", "norm", "fc_norm", "head"}
    assert of_another(one, other) is None and of_another(other, one) is None


def test_other_options_are_judged_by_building(root):
    assert planned(root, timm=VIT, weights="none", size=230, options={"patch_size": 23}).runs


def test_planning_loads_no_torch():
    code = "import sys; from kdml.experiment.backbones import known; assert known(); assert not {'torch', 'timm'} & sys.modules.keys()"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
