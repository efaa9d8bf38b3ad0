"""The Python side of Meshline: see docs/architecture.md for what may import what."""
