"""Learning of the default network, `blend`: its branches, its fine-tuning, its self-training."""
