"""Fake backends: liars with one deliberate fault each, and one that is right about everything."""
