"""Reconcilers on the server: one a noun, meeting only in the store."""
