"""All that is known before anything runs: the configuration, the plan of runs, and what is made from them. No torch here."""
