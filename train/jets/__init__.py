"""Jets: constituents, images, substructure variables, and the samples that hold them."""
