"""Simulated studies of drawn persons, where the truth is known."""
