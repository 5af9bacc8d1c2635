"""Scores at level 1: simple ones, their rates, and a network of calorimeter regions."""
