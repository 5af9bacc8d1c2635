"""The published network from its TF-Lite files, without TensorFlow."""
