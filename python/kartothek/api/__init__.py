"""What kartothek declares stable."""
