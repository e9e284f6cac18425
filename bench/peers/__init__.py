"""Clients that call the installed packages of the peers, for steps that pgbench cannot run."""
