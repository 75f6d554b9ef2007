"""What the back-ends in :mod:`kartothek.io` share."""
