"""Helpers that programs of kartothek import."""
