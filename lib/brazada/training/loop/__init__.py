"""Learning on one rank: a step, epochs, checkpoints, what ranks do together."""
