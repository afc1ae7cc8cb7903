"""Benchmarks: each compares Assay with a peer, or itself with a floor, within one run."""
