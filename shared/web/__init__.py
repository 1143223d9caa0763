"""HTTP: one app factory, one way to log in, one way to refuse."""
