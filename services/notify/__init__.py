"""Notify: tells everyone what concerns them, once, in their language."""
