"""What the machine says of itself: its processors' time, its clock."""
