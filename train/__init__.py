"""Float models, data, training, scores and metrics. Nothing in here knows that FPGAs exist."""
