"""Archives of images become prepared arrays and a split: fetch, check, prepare, split, and the demo images."""
