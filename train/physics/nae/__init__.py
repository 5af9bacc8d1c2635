"""The physics pages of normalised autoencoders: jet images and substructure variables."""
