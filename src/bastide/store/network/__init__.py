"""What is recorded of a network's addresses: which are free, and whose interfaces have the others."""
