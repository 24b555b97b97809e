"""The device and the training images that a run is given, and data that are not its task's."""

import numpy as np
import pytest
import torch
from small import method_settings, variant_graph
from small import settings_of as of_graph

from kdml.common.errors import UserError
from kdml.data.arrays import Arrays, Part
from kdml.learning.build import RunData, _check_kernels, choose_device, gpus_for, open_data, training_batches


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """Torch sees none, and its settings are left as they were."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    deterministic = torch.are_deterministic_algorithms_enabled()
    rounded = torch.backends.cudnn.allow_tf32
    yield
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.allow_tf32 = rounded


@pytest.mark.parametrize("given", ["0", "3,4", "GPU-8932f937"])
def test_a_gpu_that_was_given_and_is_not_seen_is_no_cpu(monkeypatch, given):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    with pytest.raises(UserError, match=f"given a GPU .CUDA_VISIBLE_DEVICES={given}., but torch sees none"):
        choose_device(of_graph(variant_graph("ml_v1"), device="auto"))
    assert choose_device(of_graph(variant_graph("ml_v1"), device="cpu")) == "cpu"


@pytest.mark.parametrize("given", [None, "", "-1", "NoDevFiles"])
def test_without_a_gpu_it_is_the_cpu(monkeypatch, given):
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert choose_device(of_graph(variant_graph("ml_v1"), device="auto")) == "cpu"


def test_cuda_that_was_asked_for_is_not_replaced():
    with pytest.raises(UserError, match="torch sees no GPU"):
        choose_device(of_graph(variant_graph("ml_v1"), device="cuda"))


@pytest.mark.parametrize(
    ("capability", "built_for", "runs"),
    [
        ((8, 0), ["sm_75", "sm_80"], True),
        ((8, 9), ["sm_80", "sm_90"], True),
        ((7, 0), ["sm_75", "sm_80"], False),
        ((9, 0), ["sm_80", "sm_86"], False),
        ((12, 0), ["sm_90", "compute_90"], True),
        ((9, 0), ["sm_90a"], True),
        ((6, 1), ["sm_75", "compute_75"], False),
        ((10, 0), ["sm_100", "sm_120"], True),
        ((8, 0), [], False),
    ],
)
def test_a_gpu_without_kernels_is_refused(capability, built_for, runs):
    if runs:
        _check_kernels("card", capability, built_for)
        return
    with pytest.raises(UserError, match=rf"no kernels for card \(compute capability {capability[0]}.{capability[1]};"):
        _check_kernels("card", capability, built_for)


@pytest.mark.parametrize(("precision", "rounded"), [("float32", False), ("tf32", True), ("bfloat16", False)])
def test_float32_is_one_thing_on_all_gpus(precision, rounded):
    """Convolutions too, which torch would round to 10 bits on newer ones."""
    torch.backends.cudnn.allow_tf32 = not rounded
    choose_device(of_graph(variant_graph("ml_v1"), precision=precision))
    assert torch.backends.cudnn.allow_tf32 == torch.backends.cuda.matmul.allow_tf32 == rounded


def test_what_has_no_deterministic_form_is_an_error_but_for_own_methods():
    choose_device(method_settings("semckd"))
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    choose_device(method_settings("docs/examples/rkd.py:RKD"))
    assert torch.are_deterministic_algorithms_enabled() and torch.is_deterministic_algorithms_warn_only_enabled()


def test_a_run_on_the_cpu_takes_no_gpu(monkeypatch):
    monkeypatch.setattr("kdml.common.gpus.gpus_here", lambda: {"GPU-a": "0"})
    assert gpus_for(of_graph(variant_graph("ml_v1"), device="cpu")) == {}
    assert gpus_for(of_graph(variant_graph("ml_v1"), device="auto")) == {"GPU-a": "0"}


def test_segmentation_is_balanced_by_the_classes_of_its_images():
    """Masks come with the images that were drawn, and each class of images as often."""
    labels = np.repeat([0, 1, 2], [14, 4, 6])
    images = np.zeros((24, 32, 32, 3), dtype=np.uint8)
    images[:] = np.arange(24, dtype=np.uint8)[:, None, None, None]
    arrays = Arrays(images, (images[..., 0] % 2).astype(np.uint8))
    settings = of_graph(variant_graph("ml_v1"), kind="segmentation")
    for balance, counts in (("none", [14, 4, 6]), ("resample", [8, 8, 8])):
        data = RunData(arrays, {"train": Part(np.arange(24), labels)})
        batches = list(training_batches(settings.model_copy(update={"balance": balance}), data, "cpu", 0).epoch(0, 0))
        # Reflected borders and interpolation leave an image of one grey as it is.
        drawn = torch.cat([batch.images[:, 0, 16, 16] for batch in batches]).numpy()
        marked = torch.cat([batch.targets[:, 0, 16, 16] for batch in batches]).numpy()
        assert np.bincount(labels[drawn]).tolist() == counts and np.array_equal(marked, drawn % 2)


@pytest.mark.bad_input
def test_masks_of_other_classes_are_refused(tmp_path):
    masks = np.zeros((3, 32, 32), np.uint8)
    masks[1, 0, 0] = 3
    np.save(tmp_path / "images.npy", np.zeros((3, 32, 32, 3), np.uint8))
    np.save(tmp_path / "masks.npy", masks)
    lines = [f"{row},i{row},0,,{part}" for row, part in enumerate(("train", "validation", "test"))]
    (tmp_path / "split.csv").write_text("\n".join(["row,id,label,group,part", *lines, ""]))
    settings = of_graph(variant_graph("ml_v1"), "segmentation")
    three, two = (settings.model_copy(update={"classes": classes}) for classes in (("a", "b", "c"), ("a", "b")))
    assert open_data(three, tmp_path, tmp_path / "split.csv").arrays.masks.max() == 3
    with pytest.raises(UserError, match="npy has the class 3, but the task task only those up to 2"):
        open_data(two, tmp_path, tmp_path / "split.csv")
