"""The precision of a forward pass."""

import torch

from kdml.runs.settings import Training


def autocast(device: str, training: Training) -> torch.autocast:
    """The precision of forwards; losses are always in float32."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=training.precision == "bfloat16")
