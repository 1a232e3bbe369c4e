"""An answer against the truth: distances, figures, outcomes."""
