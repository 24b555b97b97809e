"""What a run is and what it leaves: its sharing graph, its settings, its record and its predictions, without torch."""
