"""Knowledge distillation and mutual learning for biomedical images: the package that the workflow's scripts share."""
