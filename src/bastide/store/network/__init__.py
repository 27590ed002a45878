"""What is recorded of a network: the kinds of its records, and which of its addresses are free."""
