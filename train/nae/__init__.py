"""The normalized autoencoder: networks, Langevin chains, training, a score of the latents."""
