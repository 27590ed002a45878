"""What the agent knows of the network, and keeps it so on this host."""
