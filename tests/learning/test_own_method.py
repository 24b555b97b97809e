"""A user's own method: every breach of its contract is told in words, and what it imports is no part of the common code."""

import pytest
import torch
from small import cohort_of, engine_of, method_settings

from kdml.common.errors import MachineError, UserError
from kdml.learning import provenance
from kdml.learning.faults import faults_of_torch_told
from kdml.runs.own_method import fingerprint

HEAD = """
from __future__ import annotations
from dataclasses import dataclass
import torch
from torch import nn
from kdml.learning.methods.base import Method, Stage


class Mine(Method):
    taps = ("f4",)
    weights = {"gap": 1.0}

    def forward(self, student, teacher, targets):
        return {"gap": (student.pooled.mean() - teacher.pooled.mean()).square()}
"""
CLEAN = HEAD.partition("    taps")[0]
GAP = """
    def forward(self, student, teacher, targets):
        return {"gap": student.logits.square().mean()}
"""


def write(tmp_path, content):
    path = tmp_path / "mine.py"
    path.write_text(content)
    return f"{path}:Mine"


def one_step(method, kind="classification", **choice):
    """Build the run of a method and train it for an epoch."""
    engine = engine_of(method_settings(method, kind, choice, epochs=1))
    engine.run()
    return engine


def test_smallest_method_needs_no_init_and_takes_options(tmp_path):
    method = write(tmp_path, HEAD)
    engine = one_step(method, options={"weight_gap": 3})
    assert engine.cohort.method.weights == {"gap": 3.0} and "train.s1.gap" in engine.progress.history[0]
    with pytest.raises(UserError, match=r"methods\.test: Mine has no option `wait`"):
        cohort_of(method_settings(method, choice={"options": {"wait": 1}}))


def test_pooled_is_there_whatever_the_taps(tmp_path):
    engine = one_step(write(tmp_path, HEAD.replace('"f4"', '"f2"')))
    assert "train.s1.gap" in engine.progress.history[0]
    images = torch.randint(0, 255, (4, 3, 32, 32), dtype=torch.uint8)
    layers = engine.cohort._layers("s1", engine.cohort(images)["s1"])
    assert set(layers.maps) == {"f2"} and layers.pooled.shape == (4, 16)


def test_dataclass_under_postponed_annotations(tmp_path):
    one_step(write(tmp_path, HEAD + "\n@dataclass\nclass Options:\n    share: float = 0.5\n"))


def test_teachers_classifier_is_not_counted_as_added(tmp_path):
    content = (
        HEAD
        + """
    def __init__(self, setting):
        super().__init__(setting)
        self.head = setting.classifier.requires_grad_(False)
        self.adaptor = nn.Linear(3, 2)
"""
    )
    assert cohort_of(method_settings(write(tmp_path, content))).describe()["adaptor_parameters"] == 8


INIT = "    weights = {'gap': 1.0}\n    def __init__(self, setting):\n        "
BUILT = {  # content of the class -> what is said when it is built
    "no super, plain": (f"{INIT}self.configure(setting)\n{GAP}", [r"does not call super\(\)"]),
    "no super, module": (f"{INIT}self.adaptor = nn.Linear(2, 2)\n{GAP}", [r"line \d+, cannot be built", "AttributeError"]),
    "no configure": (f"{INIT}super().__init__()\n{GAP}", [r"self\.configure\(setting\)", "no effect"]),
    "taps are a string": (f'    taps = ("f4")\n    weights = {{"gap": 1}}\n{GAP}', ["`taps` is 'f4'", r'\("f4",\)']),
    "unknown tap": (f'    taps = ("f9",)\n    weights = {{"gap": 1}}\n{GAP}', ["tap `f9`", "use f1, f2, f3, f4"]),
    "shape of an unknown tap": (f"{INIT}super().__init__(setting)\n        setting.student['d1']\n{GAP}", ["tap `d1`", "use f1"]),
    "weights are a tuple": (f'    weights = ("gap",)\n{GAP}', ["cannot be built"]),
    "weight below zero": (f'    weights = {{"gap": -1.0}}\n{GAP}', ["weight of `gap` is -1"]),
    "adversary without step": (
        f"    weights = {{'gap': 1.0}}\n    adversary = nn.Linear(2, 2)\n{GAP}",
        ["`adversary`, but no `adversary_step`"],
    ),
    "adversary is a submodule": (
        f"{INIT}super().__init__(setting)\n        self.critic = nn.Linear(2, 2)\n    adversary = property(lambda self: self.critic)\n"
        f"    def adversary_step(self, student, teacher, seed):\n        return self.critic.weight.sum()\n{GAP}",
        ["adversary is a submodule"],
    ),
    "stage is no tuple": (f"    weights = {{'gap': 1}}\n    def stages(self, usual):\n        return usual\n{GAP}", ["tuple of one or more Stage"]),
}  # fmt: skip
for name in ("supervised", "kd", "total", "adversary"):
    BUILT[f"term {name}"] = (f'    weights = {{"{name}": 1.0}}\n{GAP}', [f"cannot be called `{name}`"])


@pytest.mark.parametrize(("content", "said"), BUILT.values(), ids=BUILT)
def test_breach_is_named_when_the_method_is_built(tmp_path, content, said):
    settings = method_settings(write(tmp_path, CLEAN + content))
    with pytest.raises(UserError) as error:
        cohort_of(settings)
    assert error.value.problem.startswith("methods.test: ")
    for words in said:
        assert pytest.raises(UserError, match=words).matches(error.value), str(error.value)


RETURNED = {  # what `forward` returns -> what is said at the first step
    "student.logits.mean()": "gives a Tensor",
    "{}": "does not give the term `gap`, which has the weight 1",
    '{"gap": student.logits.mean(), "other": student.logits.mean()}': "the term `other`, which has no weight",
    '{"gap": student.logits.mean(dim=1)}': r"the term `gap` is a tensor of shape \(4,\)",
    '{"gap": 0.5}': "the term `gap` is a float",
    '{"gap": student.maps["f1"].mean()}': r"line \d+, cannot compute its terms \(KeyError: 'f1'\)",
}


@pytest.mark.parametrize(("returned", "said"), RETURNED.items())
def test_breach_is_named_at_the_first_step(tmp_path, returned, said):
    method = write(tmp_path, HEAD.partition("        return")[0] + f"        return {returned}\n")
    with pytest.raises(UserError, match=said) as error:
        one_step(method)
    assert error.value.problem.startswith("methods.test: ")


def test_term_of_weight_zero_may_be_left_out(tmp_path):
    method = write(tmp_path, HEAD.partition("        return")[0] + "        return {}\n")
    one_step(method, options={"weight_gap": 0})


def test_classifiers_tap_on_a_u_net_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(UserError, match=r"methods\.test: Mine reads the tap `f4`") as error:
        cohort_of(method_settings(write(tmp_path, HEAD), "segmentation"))
    assert error.value.remedy.startswith("use d0, d1")
    content = (
        HEAD + "\n    def __init__(self, setting):\n        super().__init__(setting)\n        setting.student['f3']\n"
    )
    with pytest.raises(UserError, match="The method reads the tap `f3`"):
        cohort_of(method_settings(write(tmp_path, content), "segmentation"))


ADVERSARY = (
    HEAD
    + """
    def __init__(self, setting):
        super().__init__(setting)
        self._critic = (nn.Linear(2, 1),)

    adversary = property(lambda self: self._critic[0])

    def adversary_step(self, student, teacher, seed):
        return self.adversary(student.logits).mean()
"""
)


def test_adversary_needs_no_options_of_its_optimiser(tmp_path):
    engine = one_step(write(tmp_path, ADVERSARY))
    assert engine.adversary_optimiser.defaults["lr"] == 1e-3 and "train.s1.adversary" in engine.progress.history[0]
    assert engine.cohort.describe()["adversary_parameters"] == 3


def test_adversarys_loss_must_be_a_number(tmp_path):
    with pytest.raises(UserError, match=r"adversary_step is a tensor of shape \(4, 1\)"):
        one_step(write(tmp_path, ADVERSARY.replace("logits).mean", "logits).square")))


def test_changed_file_is_not_trained_under_the_settings_of_the_old(tmp_path):
    method = write(tmp_path, HEAD)
    settings = method_settings(method, choice={"sha256": fingerprint(method)})
    cohort_of(settings)
    write(tmp_path, HEAD.replace("square", "abs"))
    with pytest.raises(UserError, match=r"methods\.test: .*mine\.py is not the file") as error:
        cohort_of(settings)
    assert "src/settings.py" in error.value.remedy


def test_running_out_of_memory_is_no_mistake_of_the_file(tmp_path):
    method = write(tmp_path, HEAD.partition("        return")[0] + "        raise torch.OutOfMemoryError('full')\n")
    with pytest.raises(MachineError, match="not enough memory") as told, faults_of_torch_told():
        one_step(method)
    assert str(tmp_path) not in str(told.value)


def test_what_an_own_file_imports_is_of_its_method_and_not_of_the_common_code(tmp_path):
    """Else its run would look like another program's, and no table could hold it beside the others."""
    plain = provenance.method_hash(write(tmp_path, HEAD), "classification")
    assert plain == provenance.method_hash(None, "classification")  # the file itself is known by its checksum
    method = write(
        tmp_path, HEAD.replace("        return", "        from kdml.inspection import costs\n        return")
    )
    assert provenance.method_hash(method, "classification") != plain
