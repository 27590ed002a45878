"""Policies: managed ones with their versions, inline ones, and who has them."""
