"""Everything that decides a training: batches, networks, losses, methods, the engine. Its code is what the training hash covers."""

import gc

# Imported here and not as they are needed, because they make half a million objects that stay: a collector that looks through these
# again and again takes a fifth of the start of every training. Afterwards it passes over them.
if gc.isenabled():
    gc.disable()
    try:
        import segmentation_models_pytorch  # noqa: F401
        import timm  # noqa: F401
        import torch  # noqa: F401

        gc.freeze()
    finally:
        gc.enable()
