"""The routing table: each of the 66 operations with the status it succeeds with."""

from __future__ import annotations

from collections import defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from examples.legito import (
    events,
    files,
    groups,
    objects,
    push,
    records,
    reference,
    sharing,
    simple,
    users,
    versions,
)
from examples.legito.errors import ApiError, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from examples.legito.call import Body

    Handler = Callable[..., Body]
    Route = tuple[str, str, int, Handler]

# ``{name}`` takes any text, ``{name:int}`` an integer; handlers get them in path order.
ROUTES: tuple[Route, ...] = (
    ("GET", "/info", 200, reference.info),
    ("GET", "/advanced-style", 200, reference.simple_list("advanced-style")),
    ("GET", "/category", 200, reference.simple_list("category")),
    ("GET", "/country", 200, reference.simple_list("country")),
    ("GET", "/currency", 200, reference.simple_list("currency")),
    ("GET", "/language", 200, reference.simple_list("language")),
    ("GET", "/timezone", 200, reference.simple_list("timezone")),
    ("GET", "/property", 200, reference.properties),
    ("GET", "/property-group", 200, reference.property_groups),
    ("GET", "/template-suite", 200, reference.template_suites),
    ("GET", "/workflow", 200, reference.workflows),
    ("GET", "/workflow/revision/{workflowRevisionId:int}", 200, reference.workflow_revision),
    ("GET", "/document-record", 200, records.list_records),
    ("POST", "/document-record", 201, records.create_external),
    ("PUT", "/document-record/{code}", 200, records.update),
    ("DELETE", "/document-record/{code}", 200, records.delete),
    ("GET", "/document-record/anonymize/{code}", 200, records.anonymize),
    ("GET", "/document-version/data/{code}", 200, versions.read_data),
    ("POST", "/document-version/data/{templateSuiteId:int}", 201, versions.create),
    ("PUT", "/document-version/data/{documentRecordCode}", 200, versions.change),
    ("GET", "/document-version/download/{code}/{format}", 200, versions.download),
    ("POST", "/document-version/json-integration", 200, versions.from_json),
    ("GET", "/document-record-type", 200, simple.list_record_types),
    ("POST", "/document-record-type", 200, simple.create_record_type),
    ("PUT", "/document-record-type/{documentRecordTypeId:int}", 200, simple.rename_record_type),
    ("DELETE", "/document-record-type/{documentRecordTypeId:int}", 200, simple.delete_record_type),
    ("GET", "/label", 200, simple.list_labels),
    ("POST", "/label", 200, simple.create_label),
    ("DELETE", "/label/{labelId:int}", 200, simple.delete_label),
    ("GET", "/template-tag", 200, simple.list_template_tags),
    ("POST", "/template-tag", 200, simple.create_template_tag),
    ("GET", "/file/{documentRecordCode}", 200, files.list_files),
    ("POST", "/file/{documentRecordCode}", 201, files.upload),
    ("GET", "/file/download/{fileId:int}", 200, files.download),
    ("DELETE", "/file/{fileId:int}", 200, files.delete),
    ("GET", "/share/{code}", 200, sharing.read),
    ("POST", "/share/user/{code}", 201, sharing.add_users),
    ("DELETE", "/share/user/{code}/{userIdOrEmail}", 200, sharing.remove_user),
    ("POST", "/share/user-group/{code}", 201, sharing.add_groups),
    ("DELETE", "/share/user-group/{code}/{userGroupId:int}", 200, sharing.remove_group),
    ("POST", "/share/external-link/{code}", 201, sharing.add_links),
    ("PUT", "/share/external-link/{externalLinkId:int}", 201, sharing.update_link),
    ("DELETE", "/share/external-link/{externalLinkId:int}", 200, sharing.delete_link),
    ("GET", "/user", 200, users.list_users),
    ("POST", "/user", 201, users.create),
    ("PUT", "/user/{userIdOrEmail}", 201, users.update),
    ("DELETE", "/user/{userIdOrEmail}", 200, users.delete),
    ("GET", "/user/permission/{userIdOrEmail}", 200, users.read_permission),
    ("PUT", "/user/permission/{userIdOrEmail}", 200, users.write_permission),
    ("GET", "/notification-setting/{userIdOrEmail}", 200, users.read_notifications),
    ("PUT", "/notification-setting/{userIdOrEmail}", 201, users.write_notifications),
    ("GET", "/user-group", 200, groups.list_groups),
    ("POST", "/user-group", 201, groups.create),
    ("PUT", "/user-group/{userGroupId:int}", 200, groups.rename),
    ("DELETE", "/user-group/{userGroupId:int}", 200, groups.delete),
    ("POST", "/user-group/user/{userGroupId:int}", 200, groups.add_members),
    ("DELETE", "/user-group/user/{userGroupId:int}/{userIdOrEmail}", 200, groups.remove_member),
    ("GET", "/object", 200, objects.list_objects),
    ("GET", "/object-record/{objectId:int}", 200, objects.list_records),
    ("POST", "/object-record/{objectId:int}", 201, objects.create_record),
    ("PUT", "/object-record/{systemName}", 200, objects.update_record),
    ("DELETE", "/object-record/{systemName}", 200, objects.delete_record),
    ("GET", "/event", 200, events.list_events),
    ("GET", "/push-connection", 200, push.list_connections),
    ("POST", "/push-connection", 200, push.create),
    ("DELETE", "/push-connection/{pushConnectionId:int}", 200, push.delete),
)


class Router:
    """Finds the operation for a method and path; what a path means may depend on the method."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Index *routes* by their shape: literal segments, and None where a parameter is."""
        by_shape: dict[tuple[str | None, ...], dict[str, Any]] = defaultdict(dict)
        for method, path, status, handler in routes:
            segments = path.strip("/").split("/")
            shape = tuple(None if s.startswith("{") else s for s in segments)
            kinds = [int if s.endswith(":int}") else str for s in segments if s.startswith("{")]
            by_shape[shape][method] = (status, handler, kinds)
        self._by_start = defaultdict(list)
        for shape, methods in by_shape.items():
            self._by_start[shape[0], len(shape)].append((shape, methods))

    def find(self, method: str, path: str) -> tuple[int, Handler, list[str | int]]:
        """Return (success status, handler, path parameters) or raise a 404 or 405."""
        segments = path.removeprefix("/").split("/")
        for shape, methods in self._by_start.get((segments[0], len(segments)), ()):
            pairs = list(zip(shape, segments, strict=True))
            # An empty segment is no parameter: ``/label/`` is not a label's path.
            if not all(have and want in (None, have) for want, have in pairs):
                continue
            if method not in methods:
                raise ApiError(
                    HTTPStatus.METHOD_NOT_ALLOWED,
                    f"{method} is not allowed here",
                    headers={"allow": ", ".join(sorted(methods))},
                )
            status, handler, kinds = methods[method]
            texts = [have for want, have in pairs if want is None]
            return status, handler, [_parse(k, t) for k, t in zip(kinds, texts, strict=True)]
        raise not_found("operation at", path)


def _parse(kind: type, text: str) -> str | int:
    if kind is str:
        return text
    if not (text.isascii() and text.isdigit()):
        raise not_found("row with id", text)
    return int(text)
