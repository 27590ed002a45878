"""The only code that touches the kernel and its daemons."""
