"""The engine. `run` is the sync path: read it first, from top to bottom."""
