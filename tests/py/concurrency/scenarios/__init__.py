"""Races, stepped one call at a time: plain functions that raise where the engine breaks a promise.

Each is run twice: by test_races.py against the engine as it is, where it must pass, and by
test_mutations.py against an engine from which the lock or the check was taken, where it must not.
Sessions are stepped until the server reports the lock they wait for; nothing here sleeps.

A module holds the scenarios of one subject; those of all subjects are here by name.
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
