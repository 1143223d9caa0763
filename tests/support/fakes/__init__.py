"""The providers of notify's channels, as strict as the real ones: limits, sizes, signatures, codes. Nothing here knows the
adapters: what the providers document is written down a second time. Time is a clock that the test moves."""
