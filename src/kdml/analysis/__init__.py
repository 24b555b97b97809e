"""Numbers made from predictions: metrics, values over seeds, contrasts and claims. No torch here, and no words for readers."""
