"""Runs the scenarios against the engine as it is; test_mutations.py proves that each of them can
fail."""

from __future__ import annotations

import pytest

from concurrency.scenarios import ALL
from concurrency.scenarios.common import Scenario
from conftest import Connect


@pytest.mark.long
@pytest.mark.parametrize("scenario", ALL.values(), ids=ALL.keys())
def test(scenario: Scenario, connect: Connect) -> None:
    scenario(connect)
