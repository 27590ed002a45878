"""Processes without privileges that serve a VPC: sockets inside its namespace, a way out on the host.

The agent starts them and looks after them (processes.py); the other modules are what runs in them, and
import nothing of the agent's weight.
"""
