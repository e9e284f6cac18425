"""Every scenario must be able to fail: when a lock, an order or the check of a lease is taken out,
the scenario that is there for it must notice."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

import support
from concurrency.mutations import MUTATIONS, Mutation
from concurrency.scenarios.common import Scenario
from conftest import Connect, Connection

PAIRS = [
    pytest.param(mutation, scenario, id=f"{mutation.name} | {scenario.__name__}")
    for mutation in MUTATIONS
    for scenario in mutation.scenarios
]


@pytest.mark.parametrize(("mutation", "scenario"), PAIRS)
def test_mutation_is_noticed(
    mutation: Mutation, scenario: Scenario, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what never happens without the mutated part is given up sooner
    monkeypatch.setattr(support, "PATIENT_SECONDS", 6.0)
    mutation.apply(connect())

    def impatient(**options: Any) -> Connection:
        given = f"{options.pop('options', '')} -c statement_timeout=6s"
        return connect(options=given, **options)

    try:
        scenario(impatient)
    except AssertionError:
        return
    except psycopg.Error as error:
        # a mutated function that cannot run proves nothing
        if (error.sqlstate or "").startswith("42"):
            pytest.fail(f"{mutation.name} cannot run: {error}")
        return
    pytest.fail(f"the scenario passes without {mutation.name}")


def test_the_names_of_the_mutations_are_unique() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(names) == len(set(names))
