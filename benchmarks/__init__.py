"""Measurements of the SDK, to be run by anyone: ``python -m benchmarks.<name>``."""
