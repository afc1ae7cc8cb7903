"""What a workspace is set up with: system information, reference lists, suites, workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.legito.state import found

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.legito.call import Call, Row

VERSION = "2025.01.0.0"


def info(_call: Call) -> Row:
    """Return the version of the system."""
    return {"version": VERSION}


def simple_list(name: str) -> Callable[[Call], list[Row]]:
    """Return a handler that lists the reference data *name*."""

    def handler(call: Call) -> list[Row]:
        return call.state.reference[name]

    return handler


def properties(call: Call) -> list[Row]:
    """List the properties of document records."""
    return call.state.properties


def property_groups(call: Call) -> list[Row]:
    """List the property groups with their properties."""
    return call.state.property_groups


def template_suites(call: Call) -> list[Row]:
    """List the template suites with their templates."""
    return list(call.state.suites.values())


def workflows(call: Call) -> list[Row]:
    """List the workflows with their revisions."""
    return call.state.workflows


def workflow_revision(call: Call, revision_id: int) -> list[Row]:
    """Return one revision with elements and links, in a list as the description has it."""
    return [found(call.state.revisions, revision_id, "workflow revision")]
