"""Contracts and plumbing that every service uses; never a business rule and never an import of `services`."""
