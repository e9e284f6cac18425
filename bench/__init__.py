"""The benchmark: Leasehold, the bare minimum and its peers, on one server. `python -m bench --help`."""
