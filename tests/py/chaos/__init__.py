"""Faults on purpose: real processes, real kills, and what became of every test. ``make chaos``."""
