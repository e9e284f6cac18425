"""Installs, verifies and removes the schema, from the SQL file that this package ships."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources

import psycopg
from psycopg import sql
from psycopg.errors import DependentObjectsStillExist, InsufficientPrivilege, UndefinedFunction
from psycopg.rows import tuple_row

from .errors import UsageError, translated
from .rows import Discrepancy
from .session import Connection, SafeIdentifier, schema_name, usable

_DIFFERENCES = """
with expected as (
    select i.* from {scratch}._list_objects(%(scratch)s, {scratch}._group_roles(%(scratch)s)) as i
), found as (
    select i.* from {scratch}._list_objects(%(installed)s, {scratch}._group_roles(%(installed)s)) as i
)
select coalesce(e.kind, f.kind), coalesce(e.name, f.name),
       case when f.name is null then 'missing'
            when e.name is null then 'left over'
            else 'changed'
       end
from expected as e
full join found as f on f.kind = e.kind and f.name = e.name
where f.definition is distinct from e.definition
  -- A login that may not create roles has no group roles in the copy, so it cannot compare their grants.
  and (
      coalesce(e.kind, f.kind) <> 'grant'
      or coalesce(e.name, f.name) not like '%% to @%%'
      or exists (select from expected as x where x.kind = 'grant' and x.name like '%% to @%%')
  )
order by 1, 2
"""

_ROLES = """
select g.name
from pg_catalog.jsonb_object_keys({schema}._group_roles(%(schema)s)) as g (name)
where %(there)s = exists (select from pg_catalog.pg_roles as r where r.rolname = g.name)
order by 1
"""


class Installer:
    """Installs Leasehold into one schema of one database, verifies and removes it.

    With a connection string, each method opens and closes a connection. With a connection, it works
    in the transaction that is open on it, and you commit; if none is open, each method is a
    transaction of its own.
    """

    def __init__(self, source: str | Connection, schema: str = "leasehold") -> None:
        self.schema = schema_name(schema)
        self._source = source if isinstance(source, str) else usable(source, connections_only=True)

    def apply(self) -> str:
        """Installs or upgrades the schema, all or nothing, and returns the version that is then
        installed.

        Changes nothing if that version is already installed. Refuses a schema that is not
        Leasehold's or is newer than this package, and a server older than PostgreSQL 14.
        """
        with self._transaction() as conn, translated():
            self._install(conn, self.schema)
            return self._version(conn)

    def version(self) -> str | None:
        """The installed version; None if nothing is installed, or if the schema is too damaged to
        tell.
        """
        try:
            with self._transaction() as conn:
                return self._version(conn) if self._exists(conn) else None
        except UndefinedFunction:
            return None

    def missing_roles(self) -> list[str]:
        """The group roles that do not exist, because the login that installed may not create
        roles.
        """
        with self._transaction() as conn:
            return self._roles(conn, there=False)

    def verify(self) -> list[Discrepancy]:
        """Returns what in the schema is missing, changed or left over, compared with what this
        package ships.

        It installs a second copy into a scratch schema, compares, and rolls back, so it needs the
        rights to install.
        """
        scratch = f"leasehold_verify_{uuid.uuid4().hex[:12]}"
        with self._connected() as conn, conn.transaction(force_rollback=True), translated():
            if not self._exists(conn):
                return [Discrepancy("schema", self.schema, "missing")]
            self._install(conn, scratch)
            query = sql.SQL(_DIFFERENCES).format(scratch=SafeIdentifier(scratch))
            with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
                cursor.execute(query, {"scratch": scratch, "installed": self.schema})
                return [Discrepancy(*row) for row in cursor]

    def uninstall(self, confirm: str) -> list[str]:
        """Drops the schema with every job in it, then its group roles, and returns the roles that
        could not be dropped.

        `confirm` is the name of the schema again. A role remains while it owns an object or has
        rights elsewhere, for instance in another database, or if this login may not drop it. Raises
        UsageError if `confirm` differs, or if Leasehold is not installed in the schema.
        """
        if confirm != self.schema:
            raise UsageError(
                f"confirm must be the name of the schema, {self.schema!r}, not {confirm!r}",
                hint="Every job in the schema will be deleted; repeat its name to confirm.",
            )
        with self._transaction() as conn:
            if not self._exists(conn):
                raise UsageError(f"leasehold is not installed in schema {self.schema!r}")
            roles = self._roles(conn)
            conn.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(self.schema)))
            return [role for role in roles if not self._drop_role(conn, role)]

    # -- parts

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if isinstance(self._source, str):
            with psycopg.connect(self._source, autocommit=True, client_encoding="UTF8") as conn:
                yield conn
        else:
            yield self._source

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connected() as conn, conn.transaction():
            yield conn

    def _install(self, conn: Connection, schema: str) -> None:
        conn.execute("select pg_catalog.set_config('leasehold.schema', %s, true)", [schema])
        conn.execute(shipped().encode())

    def _version(self, conn: Connection) -> str:
        query = sql.SQL("select {}()").format(sql.Identifier(self.schema, "schema_version"))
        with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
            row = cursor.execute(query).fetchone()
        return str(row[0]) if row else ""

    def _exists(self, conn: Connection) -> bool:
        ours = "select pg_catalog.to_regclass(pg_catalog.format('%%I.migration', %s::text)) is not null"
        with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
            row = cursor.execute(ours, [self.schema]).fetchone()
        return bool(row and row[0])

    def _roles(self, conn: Connection, *, there: bool = True) -> list[str]:
        query = sql.SQL(_ROLES).format(schema=SafeIdentifier(self.schema))
        with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
            try:
                cursor.execute(query, {"schema": self.schema, "there": there})
            except UndefinedFunction as exc:
                raise UsageError(
                    f"schema {self.schema!r} is damaged: it cannot list its group roles",
                    hint="Install it again, which repairs it, and then uninstall it.",
                ) from exc
            return [name for (name,) in cursor]

    def _drop_role(self, conn: Connection, role: str) -> bool:
        try:
            with conn.transaction():
                conn.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
        except (DependentObjectsStillExist, InsufficientPrivilege):
            return False
        return True


def shipped() -> str:
    """The text of the SQL file that this package ships."""
    return resources.files(__package__).joinpath("leasehold.sql").read_text(encoding="utf-8")
