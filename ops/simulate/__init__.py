"""A day of a sub-district, made from a seed and sent through the front door; every total is known before it is sent."""
