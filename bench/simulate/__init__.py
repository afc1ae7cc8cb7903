"""Histories of tests whose nature is known, and what Assay and simpler rules make of them."""
