"""Bastide: a self-hosted AWS Fargate."""

__version__ = "0.1.0"
