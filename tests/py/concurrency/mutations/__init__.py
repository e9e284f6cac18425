"""The engine with a lock, a check or an order taken out: what the tests must notice.

A mutation names a function, a text in its body and what to put there instead; the text must be
found, so that a mutation cannot quietly lose its object when the function changes. `sql` is for
what is not in a function's body. `scenarios` are those that must fail on the mutated engine.

A module holds the mutations of one subject, named as the module of scenarios.
"""

from __future__ import annotations

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
from .mutation import Mutation

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

MUTATIONS: tuple[Mutation, ...] = tuple(
    mutation for module in MODULES for mutation in module.MUTATIONS
)
