"""Races, stepped one call at a time: plain functions that raise where the engine breaks a promise.

Each is run twice. test_races.py runs it against the engine as it is, where it must pass;
test_mutations.py runs it against an engine without the lock or check that it is about, where it must
fail. A scenario waits until the server reports the lock that a session waits for, and never sleeps.

A module holds the scenarios of one subject; ALL holds those of all subjects by name.
"""

from __future__ import annotations

import inspect

from . import (
    claim,
    deadlocks,
    dependencies,
    lane_cache,
    lane_retirement,
    lease,
    maintenance,
    singleton,
    submit,
    wakeup,
    watermark,
)
from .common import Scenario

MODULES = (
    singleton,
    dependencies,
    deadlocks,
    claim,
    lease,
    submit,
    wakeup,
    watermark,
    lane_cache,
    lane_retirement,
    maintenance,
)

ALL: dict[str, Scenario] = {
    name: function
    for module in MODULES
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
}
