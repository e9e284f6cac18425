"""The class of mutations, and how one is applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from concurrency.scenarios.common import Scenario
from conftest import Connection


@dataclass(frozen=True)
class Mutation:
    name: str
    scenarios: Sequence[Scenario]
    changes: Sequence[tuple[str, str, str]] = ()
    sql: str = ""

    def apply(self, conn: Connection) -> None:
        for function, found, instead in self.changes:
            row = conn.execute(
                "select pg_get_functiondef(%s::regproc)", (f"leasehold.{function}",)
            ).fetchone()
            assert row is not None
            definition: str = row[0]
            assert found in definition, (
                f"mutation {self.name!r}: {function} no longer contains {found!r}"
            )
            conn.execute(definition.replace(found, instead))
        if self.sql:
            conn.execute(self.sql)


def change(function: str, found: str, instead: str = "") -> tuple[tuple[str, str, str]]:
    return ((function, found, instead),)
