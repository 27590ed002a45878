"""How a VPC's tasks reach the API: a process without privileges that passes connections on to the server.

The agent starts one for every address that is to stand for the API (processes.py); what runs in it is
forwarding.py. It looks into nothing that it passes on.
"""
