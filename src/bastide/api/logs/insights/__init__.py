"""Logs Insights: its language read, and the operations that start queries and show what they found."""
