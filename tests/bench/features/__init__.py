"""Speed and memory of the feature engine beside its peers, in one run: `make bench-features [EVENTS=1e6]`."""
