"""Where things are: regions, zones and the account."""
