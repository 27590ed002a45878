"""Ways out of a subnet: route tables, gateways, endpoints."""
