"""Bastide: a self-hosted AWS Fargate."""
