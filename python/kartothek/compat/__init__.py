"""Other faces of the package, for programs that were written for them."""
