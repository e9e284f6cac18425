"""The benchmark of Leasehold, the bare minimum and its peers on one server. See `python -m bench --help`."""
