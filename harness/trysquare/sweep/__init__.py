"""Every number of a format: proven models of the truth, and answers compared block by block."""
