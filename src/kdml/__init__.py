"""Knowledge distillation and mutual learning for biomedical images: the package that the workflow's scripts share."""

__version__ = "0.1.0"
