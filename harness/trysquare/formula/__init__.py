"""The formula language: one expression tree, and the rooms that give it a meaning."""
