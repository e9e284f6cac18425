"""Takes sql/leasehold.sql into the package: from the repository, where it is kept once, or from an sdist, which holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = "leasehold/leasehold.sql"


class LeaseholdSql(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        in_sdist = (root / "PKG-INFO").exists()
        source = root / SHIPPED if in_sdist else root.parent / "sql" / "leasehold.sql"
        if not source.is_file():
            raise FileNotFoundError(f"{source}: the package is built from a clone or from an sdist")
        key = "force_include_editable" if version == "editable" else "force_include"
        build_data[key][str(source)] = SHIPPED
