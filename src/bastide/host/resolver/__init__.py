"""A VPC's resolver: one process without privileges, with sockets inside the VPC and a way out on the host.

The agent starts it and looks after it (processes.py); what runs in it is server.py and what
that uses, which import nothing of the agent's weight.
"""
