"""A stand-in for the Legito REST API v7: stateful, in memory, token checked, one process.

It exists so that the demo, the tests and the benchmarks have a real API to talk to without an
account. What it answers follows the public description of the API; where that is silent we had to
choose, and ``README.md`` beside this file lists every such choice as ours.
"""
