"""What stands in the way of packets, in words: from the same parts as the rules of `plan/firewall`."""
