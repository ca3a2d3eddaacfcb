"""Which texts are nearly the same: by their vectors, and by their words."""
