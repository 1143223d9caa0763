"""Whether a department's subscriber keeps the rules of the channel: `python -m kit.conformance --help`."""
