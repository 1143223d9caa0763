"""Where things are: coordinate systems, distances, and which micro-grid a point belongs to."""
