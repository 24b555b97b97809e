"""From archive to batch: fetch, prepare, split, augment, load, and the demo images."""
