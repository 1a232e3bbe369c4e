"""One process for each target: frames, protocol, life and death."""
