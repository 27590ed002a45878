"""Resource policies of CloudWatch Logs: an account's, and those of single log groups."""
