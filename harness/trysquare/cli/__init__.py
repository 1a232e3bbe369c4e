"""What people type: one room for a few commands; each imports what is heavy when it runs."""
