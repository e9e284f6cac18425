"""Scenarios of races between sessions, and the mutations of the engine that they must notice."""
