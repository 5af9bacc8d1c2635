"""The event generator: Pythia, pileup, detector and level-1 inputs, made in chunks."""
