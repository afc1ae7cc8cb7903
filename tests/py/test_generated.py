"""What is made from the database is as the migrations are now: docs/api.md and the types."""

import runpy

import pytest
from conftest import ROOT
from generate_docs import GENERATED

from worker.embedded.stack import Connection


@pytest.mark.parametrize("name", GENERATED)
def test_generated_files_are_up_to_date(stack: Connection, name: str) -> None:
    """Each file is what the generator makes of the migrations, to the letter."""
    is_up_to_date = GENERATED[name](stack) == (ROOT / name).read_text()

    assert is_up_to_date, f"{name} is not as the migrations are: run make docs and commit it"


def test_python_types_describe_rows() -> None:
    """The models import, and take a row as the REST interface gives it."""
    types = runpy.run_path(str(ROOT / "clients" / "database_types.py"))

    row = {
        "id": "7b1d5d3c-2f39-4f5c-9f4e-6d1f6b0d8a11",
        "name": "Acme",
        "created_at": "2026-11-22T14:01:59.341+00:00",
        "audit_retention_days": 400,
    }

    assert types["PublicOrganizations"].model_validate(row).created_at.year == 2026
