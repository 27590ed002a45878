"""Network interfaces and elastic IP addresses."""
