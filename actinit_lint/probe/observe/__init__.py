"""Observing a model while it runs: which layer feeds which activation, on which line, and with what numbers."""
