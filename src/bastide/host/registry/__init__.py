"""Registries on the net: whom to ask, how to be let in, when to try again, and bytes checked on the way."""
