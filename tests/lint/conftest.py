from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

import server


@pytest.fixture(scope="session")
def installed() -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection to a clone of the template, in which Leasehold is installed."""
    with server.running() as found:
        name = f"{found.template}_lint"
        dsn = server.create_database(found.dsn, name, found.template)
        try:
            with psycopg.connect(dsn, autocommit=True) as conn:
                yield conn
        finally:
            server.drop_database(found.dsn, name)


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The connection string of an empty database."""
    with server.running() as found:
        name = f"{found.template}_readme"
        try:
            yield server.create_database(found.dsn, name, "template0")
        finally:
            server.drop_database(found.dsn, name)
