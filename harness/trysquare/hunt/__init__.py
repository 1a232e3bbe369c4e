"""The search for the worst input, where there are too many to try."""
