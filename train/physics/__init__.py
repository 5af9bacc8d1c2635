"""The physics page: what a network's scores are worth, beside the paper's."""
