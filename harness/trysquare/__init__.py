"""Trysquare: lays exact mathematics against a framework's neural-network functions."""

__version__ = "0.1.0"
