"""Reports: a run, read back from its results file, as text or as one HTML page."""
