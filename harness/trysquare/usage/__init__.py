"""What a call means that leaves arguments out: defaults, measured, and the calls that agree."""
