"""Finds what is wrong with an installation, and says how to mend it."""
