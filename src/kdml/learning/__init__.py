"""Everything that decides a training: batches, networks, losses, methods, the engine. Its code is what the training hash covers."""
