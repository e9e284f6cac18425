"""Mutations: the engine without a lock, a check or an order, which the scenarios must notice.

A mutation names a function, a text in its body and the text to put there instead. The text must be
found, so that a mutation cannot silently stop applying when the function changes. `sql` is for
changes outside the body of a function. `scenarios` must fail on the mutated engine. The name of a
mutation says which property it takes out.

A module holds the mutations of one subject, and has the name of the module with its scenarios.
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
