"""From archives of images to prepared arrays and their split: fetch, check, prepare, split, and the demo images."""
