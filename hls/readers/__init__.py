"""Nodes of a QONNX file as nodes of the exact graph, by kind."""
