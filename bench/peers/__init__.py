"""Clients of ours over the peers' installed packages, for what pgbench cannot call."""
