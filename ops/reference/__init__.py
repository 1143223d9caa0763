"""Reference data at work: the synthetic sample sub-district, and later check, diff and import."""
