"""What the paper says: its numbers, and where our work departs from it."""
