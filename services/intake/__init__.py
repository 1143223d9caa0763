"""Intake: takes photos and reports, opens incidents, and tells everyone else about them."""
