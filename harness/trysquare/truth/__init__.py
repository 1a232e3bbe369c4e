"""What a spec means, exactly: trees over rows, the oracle, and the limits."""
