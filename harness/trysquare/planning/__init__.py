"""What is asked: groups of cases, and the inputs nobody had to write down."""
