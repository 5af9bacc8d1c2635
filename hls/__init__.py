"""Exact graph, emulator, firmware backends, reports and verdict."""
