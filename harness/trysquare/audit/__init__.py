"""Checks of the truth itself, in which no framework takes part; of other people's figures too."""
