"""Assay's worker: takes rendered requests from the database, makes them, reports what it saw."""

from importlib.metadata import version

__version__ = version("assay")
