"""The three processes of an installation: started detached, found again, stopped."""
