"""Containers' output, from their pipes over a buffer on disk to the logs service."""
