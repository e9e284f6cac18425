"""The races of scenarios.py against the engine as it is; test_mutations.py has the proof that each
of them can fail."""

from __future__ import annotations

import inspect

import pytest

import scenarios
from conftest import Connect

ALL = {
    name: function
    for name, function in inspect.getmembers(scenarios, inspect.isfunction)
    if function.__module__ == "scenarios" and not name.startswith("_")
}


@pytest.mark.parametrize("scenario", ALL.values(), ids=ALL.keys())
def test(scenario: scenarios.Scenario, connect: Connect) -> None:
    scenario(connect)
