"""What plateau declares stable."""
