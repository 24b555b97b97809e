"""Result packs: one file with all numbers of a run of the experiment, and what can be made again from it."""
