"""What points knows and decides, without any framework."""
