"""Readers of other tools' reports: text in, :class:`Record` out, nothing else imported."""
