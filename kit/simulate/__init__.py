"""A department that answers by itself, on a sandbox: `python -m kit.simulate --help`."""
