"""Brevitas twins of the float models, quantisation-aware training and QONNX export."""
