"""Choreograft grafts one person's dance onto another ("do as I do" video motion transfer)."""

__version__ = "0.1.0"
"""Stated here alone: pyproject.toml reads it."""
