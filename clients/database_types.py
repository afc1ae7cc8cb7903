from __future__ import annotations

import datetime
import uuid
from typing import (
    Annotated,
    Any,
    List,
    Literal,
    Optional,
    TypedDict,
)
from typing_extensions import NotRequired, TypeAlias

from pydantic import BaseModel, Field, JsonValue

AuthAalLevel: TypeAlias = Literal["aal1", "aal2", "aal3"]

RealtimeEqualityOp: TypeAlias = Literal["eq", "neq", "lt", "lte", "gt", "gte", "in", "like", "ilike", "is", "match", "imatch", "isdistinct"]

class PublicApiCredentials(BaseModel):
    auth: JsonValue = Field(alias="auth")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    name: str = Field(alias="name")
    organization_id: uuid.UUID = Field(alias="organization_id")

class PublicApiCredentialsInsert(TypedDict):
    auth: Annotated[JsonValue, Field(alias="auth")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]

class PublicApiCredentialsUpdate(TypedDict):
    auth: NotRequired[Annotated[JsonValue, Field(alias="auth")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]

class PublicApiEndpoints(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    is_safe: bool = Field(alias="is_safe")
    method: str = Field(alias="method")
    path: str = Field(alias="path")
    project_id: uuid.UUID = Field(alias="project_id")
    summary: Optional[str] = Field(alias="summary")

class PublicApiEndpointsInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_safe: Annotated[bool, Field(alias="is_safe")]
    method: Annotated[str, Field(alias="method")]
    path: Annotated[str, Field(alias="path")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    summary: NotRequired[Annotated[Optional[str], Field(alias="summary")]]

class PublicApiEndpointsUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_safe: NotRequired[Annotated[bool, Field(alias="is_safe")]]
    method: NotRequired[Annotated[str, Field(alias="method")]]
    path: NotRequired[Annotated[str, Field(alias="path")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    summary: NotRequired[Annotated[Optional[str], Field(alias="summary")]]

class PublicAssertionResults(BaseModel):
    actual: Optional[JsonValue] = Field(alias="actual")
    assertion_index: int = Field(alias="assertion_index")
    attempt: int = Field(alias="attempt")
    expected: Optional[JsonValue] = Field(alias="expected")
    message: str = Field(alias="message")
    operator: str = Field(alias="operator")
    passed: bool = Field(alias="passed")
    planned_on: datetime.date = Field(alias="planned_on")
    project_id: uuid.UUID = Field(alias="project_id")
    result_id: uuid.UUID = Field(alias="result_id")
    retention_class: str = Field(alias="retention_class")
    run_id: uuid.UUID = Field(alias="run_id")
    source: str = Field(alias="source")
    target: Optional[str] = Field(alias="target")

class PublicAssertionResultsInsert(TypedDict):
    actual: NotRequired[Annotated[Optional[JsonValue], Field(alias="actual")]]
    assertion_index: Annotated[int, Field(alias="assertion_index")]
    attempt: Annotated[int, Field(alias="attempt")]
    expected: NotRequired[Annotated[Optional[JsonValue], Field(alias="expected")]]
    message: Annotated[str, Field(alias="message")]
    operator: Annotated[str, Field(alias="operator")]
    passed: Annotated[bool, Field(alias="passed")]
    planned_on: Annotated[datetime.date, Field(alias="planned_on")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    result_id: Annotated[uuid.UUID, Field(alias="result_id")]
    retention_class: Annotated[str, Field(alias="retention_class")]
    run_id: Annotated[uuid.UUID, Field(alias="run_id")]
    source: Annotated[str, Field(alias="source")]
    target: NotRequired[Annotated[Optional[str], Field(alias="target")]]

class PublicAssertionResultsUpdate(TypedDict):
    actual: NotRequired[Annotated[Optional[JsonValue], Field(alias="actual")]]
    assertion_index: NotRequired[Annotated[int, Field(alias="assertion_index")]]
    attempt: NotRequired[Annotated[int, Field(alias="attempt")]]
    expected: NotRequired[Annotated[Optional[JsonValue], Field(alias="expected")]]
    message: NotRequired[Annotated[str, Field(alias="message")]]
    operator: NotRequired[Annotated[str, Field(alias="operator")]]
    passed: NotRequired[Annotated[bool, Field(alias="passed")]]
    planned_on: NotRequired[Annotated[datetime.date, Field(alias="planned_on")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    result_id: NotRequired[Annotated[uuid.UUID, Field(alias="result_id")]]
    retention_class: NotRequired[Annotated[str, Field(alias="retention_class")]]
    run_id: NotRequired[Annotated[uuid.UUID, Field(alias="run_id")]]
    source: NotRequired[Annotated[str, Field(alias="source")]]
    target: NotRequired[Annotated[Optional[str], Field(alias="target")]]

class PublicDataChanges(BaseModel):
    after: Optional[JsonValue] = Field(alias="after")
    before: Optional[JsonValue] = Field(alias="before")
    changed_at: datetime.datetime = Field(alias="changed_at")
    id: int = Field(alias="id")
    key_kind: str = Field(alias="key_kind")
    organization_id: uuid.UUID = Field(alias="organization_id")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    row_id: uuid.UUID = Field(alias="row_id")
    table_name: str = Field(alias="table_name")
    transaction_id: int = Field(alias="transaction_id")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")
    user_role: Optional[str] = Field(alias="user_role")
    verb: str = Field(alias="verb")

class PublicDataChangesInsert(TypedDict):
    after: NotRequired[Annotated[Optional[JsonValue], Field(alias="after")]]
    before: NotRequired[Annotated[Optional[JsonValue], Field(alias="before")]]
    changed_at: NotRequired[Annotated[datetime.datetime, Field(alias="changed_at")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    key_kind: Annotated[str, Field(alias="key_kind")]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    row_id: Annotated[uuid.UUID, Field(alias="row_id")]
    table_name: Annotated[str, Field(alias="table_name")]
    transaction_id: NotRequired[Annotated[int, Field(alias="transaction_id")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]
    user_role: NotRequired[Annotated[Optional[str], Field(alias="user_role")]]
    verb: Annotated[str, Field(alias="verb")]

class PublicDataChangesUpdate(TypedDict):
    after: NotRequired[Annotated[Optional[JsonValue], Field(alias="after")]]
    before: NotRequired[Annotated[Optional[JsonValue], Field(alias="before")]]
    changed_at: NotRequired[Annotated[datetime.datetime, Field(alias="changed_at")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    key_kind: NotRequired[Annotated[str, Field(alias="key_kind")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    row_id: NotRequired[Annotated[uuid.UUID, Field(alias="row_id")]]
    table_name: NotRequired[Annotated[str, Field(alias="table_name")]]
    transaction_id: NotRequired[Annotated[int, Field(alias="transaction_id")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]
    user_role: NotRequired[Annotated[Optional[str], Field(alias="user_role")]]
    verb: NotRequired[Annotated[str, Field(alias="verb")]]

class PublicEnvironmentVariables(BaseModel):
    environment_id: uuid.UUID = Field(alias="environment_id")
    id: uuid.UUID = Field(alias="id")
    name: str = Field(alias="name")
    project_id: uuid.UUID = Field(alias="project_id")
    secret_id: Optional[uuid.UUID] = Field(alias="secret_id")
    updated_at: datetime.datetime = Field(alias="updated_at")
    value: Optional[JsonValue] = Field(alias="value")

class PublicEnvironmentVariablesInsert(TypedDict):
    environment_id: Annotated[uuid.UUID, Field(alias="environment_id")]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    secret_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="secret_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    value: NotRequired[Annotated[Optional[JsonValue], Field(alias="value")]]

class PublicEnvironmentVariablesUpdate(TypedDict):
    environment_id: NotRequired[Annotated[uuid.UUID, Field(alias="environment_id")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    secret_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="secret_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    value: NotRequired[Annotated[Optional[JsonValue], Field(alias="value")]]

class PublicEnvironments(BaseModel):
    archived_at: Optional[datetime.datetime] = Field(alias="archived_at")
    base_url: str = Field(alias="base_url")
    context_lifetime_s: int = Field(alias="context_lifetime_s")
    context_max_bytes: int = Field(alias="context_max_bytes")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    labels: List[str] = Field(alias="labels")
    max_parallel: int = Field(alias="max_parallel")
    name: str = Field(alias="name")
    project_id: uuid.UUID = Field(alias="project_id")
    rate_limit_per_s: Optional[float] = Field(alias="rate_limit_per_s")
    run_timeout_ms: int = Field(alias="run_timeout_ms")

class PublicEnvironmentsInsert(TypedDict):
    archived_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="archived_at")]]
    base_url: Annotated[str, Field(alias="base_url")]
    context_lifetime_s: NotRequired[Annotated[int, Field(alias="context_lifetime_s")]]
    context_max_bytes: NotRequired[Annotated[int, Field(alias="context_max_bytes")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    max_parallel: NotRequired[Annotated[int, Field(alias="max_parallel")]]
    name: Annotated[str, Field(alias="name")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    rate_limit_per_s: NotRequired[Annotated[Optional[float], Field(alias="rate_limit_per_s")]]
    run_timeout_ms: NotRequired[Annotated[int, Field(alias="run_timeout_ms")]]

class PublicEnvironmentsUpdate(TypedDict):
    archived_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="archived_at")]]
    base_url: NotRequired[Annotated[str, Field(alias="base_url")]]
    context_lifetime_s: NotRequired[Annotated[int, Field(alias="context_lifetime_s")]]
    context_max_bytes: NotRequired[Annotated[int, Field(alias="context_max_bytes")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    max_parallel: NotRequired[Annotated[int, Field(alias="max_parallel")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    rate_limit_per_s: NotRequired[Annotated[Optional[float], Field(alias="rate_limit_per_s")]]
    run_timeout_ms: NotRequired[Annotated[int, Field(alias="run_timeout_ms")]]

class PublicFailureAnalysis(BaseModel):
    category: Optional[str] = Field(alias="category")
    compared_at: Optional[datetime.datetime] = Field(alias="compared_at")
    environment_count: int = Field(alias="environment_count")
    example_message: str = Field(alias="example_message")
    example_result_id: uuid.UUID = Field(alias="example_result_id")
    failure_class: str = Field(alias="failure_class")
    fingerprint: str = Field(alias="fingerprint")
    first_run_id: uuid.UUID = Field(alias="first_run_id")
    first_seen_at: datetime.datetime = Field(alias="first_seen_at")
    id: uuid.UUID = Field(alias="id")
    last_run_id: uuid.UUID = Field(alias="last_run_id")
    last_seen_at: datetime.datetime = Field(alias="last_seen_at")
    location: str = Field(alias="location")
    message: str = Field(alias="message")
    note: Optional[str] = Field(alias="note")
    occurrence_count: int = Field(alias="occurrence_count")
    project_id: uuid.UUID = Field(alias="project_id")
    regressed_at: Optional[datetime.datetime] = Field(alias="regressed_at")
    regression_count: int = Field(alias="regression_count")
    skipped_count: int = Field(alias="skipped_count")
    status: str = Field(alias="status")
    status_changed_at: Optional[datetime.datetime] = Field(alias="status_changed_at")
    status_changed_by: Optional[uuid.UUID] = Field(alias="status_changed_by")
    test_count: int = Field(alias="test_count")

class PublicFailureAnalysisInsert(TypedDict):
    category: NotRequired[Annotated[Optional[str], Field(alias="category")]]
    compared_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="compared_at")]]
    environment_count: NotRequired[Annotated[int, Field(alias="environment_count")]]
    example_message: Annotated[str, Field(alias="example_message")]
    example_result_id: Annotated[uuid.UUID, Field(alias="example_result_id")]
    failure_class: Annotated[str, Field(alias="failure_class")]
    fingerprint: Annotated[str, Field(alias="fingerprint")]
    first_run_id: Annotated[uuid.UUID, Field(alias="first_run_id")]
    first_seen_at: Annotated[datetime.datetime, Field(alias="first_seen_at")]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    last_run_id: Annotated[uuid.UUID, Field(alias="last_run_id")]
    last_seen_at: Annotated[datetime.datetime, Field(alias="last_seen_at")]
    location: Annotated[str, Field(alias="location")]
    message: Annotated[str, Field(alias="message")]
    note: NotRequired[Annotated[Optional[str], Field(alias="note")]]
    occurrence_count: NotRequired[Annotated[int, Field(alias="occurrence_count")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    regressed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="regressed_at")]]
    regression_count: NotRequired[Annotated[int, Field(alias="regression_count")]]
    skipped_count: NotRequired[Annotated[int, Field(alias="skipped_count")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    status_changed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="status_changed_at")]]
    status_changed_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="status_changed_by")]]
    test_count: NotRequired[Annotated[int, Field(alias="test_count")]]

class PublicFailureAnalysisUpdate(TypedDict):
    category: NotRequired[Annotated[Optional[str], Field(alias="category")]]
    compared_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="compared_at")]]
    environment_count: NotRequired[Annotated[int, Field(alias="environment_count")]]
    example_message: NotRequired[Annotated[str, Field(alias="example_message")]]
    example_result_id: NotRequired[Annotated[uuid.UUID, Field(alias="example_result_id")]]
    failure_class: NotRequired[Annotated[str, Field(alias="failure_class")]]
    fingerprint: NotRequired[Annotated[str, Field(alias="fingerprint")]]
    first_run_id: NotRequired[Annotated[uuid.UUID, Field(alias="first_run_id")]]
    first_seen_at: NotRequired[Annotated[datetime.datetime, Field(alias="first_seen_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    last_run_id: NotRequired[Annotated[uuid.UUID, Field(alias="last_run_id")]]
    last_seen_at: NotRequired[Annotated[datetime.datetime, Field(alias="last_seen_at")]]
    location: NotRequired[Annotated[str, Field(alias="location")]]
    message: NotRequired[Annotated[str, Field(alias="message")]]
    note: NotRequired[Annotated[Optional[str], Field(alias="note")]]
    occurrence_count: NotRequired[Annotated[int, Field(alias="occurrence_count")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    regressed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="regressed_at")]]
    regression_count: NotRequired[Annotated[int, Field(alias="regression_count")]]
    skipped_count: NotRequired[Annotated[int, Field(alias="skipped_count")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    status_changed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="status_changed_at")]]
    status_changed_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="status_changed_by")]]
    test_count: NotRequired[Annotated[int, Field(alias="test_count")]]

class PublicFailureTests(BaseModel):
    environment_id: uuid.UUID = Field(alias="environment_id")
    failure_id: uuid.UUID = Field(alias="failure_id")
    first_seen_at: datetime.datetime = Field(alias="first_seen_at")
    last_passed_at: Optional[datetime.datetime] = Field(alias="last_passed_at")
    last_seen_at: datetime.datetime = Field(alias="last_seen_at")
    occurrence_count: int = Field(alias="occurrence_count")
    pass_count: int = Field(alias="pass_count")
    project_id: uuid.UUID = Field(alias="project_id")
    test_case_id: uuid.UUID = Field(alias="test_case_id")

class PublicFailureTestsInsert(TypedDict):
    environment_id: Annotated[uuid.UUID, Field(alias="environment_id")]
    failure_id: Annotated[uuid.UUID, Field(alias="failure_id")]
    first_seen_at: Annotated[datetime.datetime, Field(alias="first_seen_at")]
    last_passed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="last_passed_at")]]
    last_seen_at: Annotated[datetime.datetime, Field(alias="last_seen_at")]
    occurrence_count: Annotated[int, Field(alias="occurrence_count")]
    pass_count: NotRequired[Annotated[int, Field(alias="pass_count")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]

class PublicFailureTestsUpdate(TypedDict):
    environment_id: NotRequired[Annotated[uuid.UUID, Field(alias="environment_id")]]
    failure_id: NotRequired[Annotated[uuid.UUID, Field(alias="failure_id")]]
    first_seen_at: NotRequired[Annotated[datetime.datetime, Field(alias="first_seen_at")]]
    last_passed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="last_passed_at")]]
    last_seen_at: NotRequired[Annotated[datetime.datetime, Field(alias="last_seen_at")]]
    occurrence_count: NotRequired[Annotated[int, Field(alias="occurrence_count")]]
    pass_count: NotRequired[Annotated[int, Field(alias="pass_count")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]

class PublicFixtureUsage(BaseModel):
    fixture_id: uuid.UUID = Field(alias="fixture_id")
    project_id: uuid.UUID = Field(alias="project_id")
    test_case_id: uuid.UUID = Field(alias="test_case_id")

class PublicFixtureUsageInsert(TypedDict):
    fixture_id: Annotated[uuid.UUID, Field(alias="fixture_id")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]

class PublicFixtureUsageUpdate(TypedDict):
    fixture_id: NotRequired[Annotated[uuid.UUID, Field(alias="fixture_id")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]

class PublicNotificationChannels(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    created_by: Optional[uuid.UUID] = Field(alias="created_by")
    delivered_at: Optional[datetime.datetime] = Field(alias="delivered_at")
    failed_count: int = Field(alias="failed_count")
    failing_since: Optional[datetime.datetime] = Field(alias="failing_since")
    gone_at: Optional[datetime.datetime] = Field(alias="gone_at")
    id: uuid.UUID = Field(alias="id")
    is_enabled: bool = Field(alias="is_enabled")
    kind: str = Field(alias="kind")
    labels: List[str] = Field(alias="labels")
    link_base: Optional[str] = Field(alias="link_base")
    max_per_hour: int = Field(alias="max_per_hour")
    name: str = Field(alias="name")
    organization_id: uuid.UUID = Field(alias="organization_id")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    url_hint: str = Field(alias="url_hint")
    url_set_at: datetime.datetime = Field(alias="url_set_at")

class PublicNotificationChannelsInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    created_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="created_by")]]
    delivered_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="delivered_at")]]
    failed_count: NotRequired[Annotated[int, Field(alias="failed_count")]]
    failing_since: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="failing_since")]]
    gone_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="gone_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    kind: Annotated[str, Field(alias="kind")]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    link_base: NotRequired[Annotated[Optional[str], Field(alias="link_base")]]
    max_per_hour: NotRequired[Annotated[int, Field(alias="max_per_hour")]]
    name: Annotated[str, Field(alias="name")]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    url_hint: Annotated[str, Field(alias="url_hint")]
    url_set_at: NotRequired[Annotated[datetime.datetime, Field(alias="url_set_at")]]

class PublicNotificationChannelsUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    created_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="created_by")]]
    delivered_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="delivered_at")]]
    failed_count: NotRequired[Annotated[int, Field(alias="failed_count")]]
    failing_since: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="failing_since")]]
    gone_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="gone_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    kind: NotRequired[Annotated[str, Field(alias="kind")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    link_base: NotRequired[Annotated[Optional[str], Field(alias="link_base")]]
    max_per_hour: NotRequired[Annotated[int, Field(alias="max_per_hour")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    url_hint: NotRequired[Annotated[str, Field(alias="url_hint")]]
    url_set_at: NotRequired[Annotated[datetime.datetime, Field(alias="url_set_at")]]

class PublicNotificationRules(BaseModel):
    channel_id: uuid.UUID = Field(alias="channel_id")
    condition: str = Field(alias="condition")
    created_at: datetime.datetime = Field(alias="created_at")
    environment_ids: List[uuid.UUID] = Field(alias="environment_ids")
    events: List[str] = Field(alias="events")
    id: uuid.UUID = Field(alias="id")
    in_a_row: Optional[int] = Field(alias="in_a_row")
    is_critical_exempt: bool = Field(alias="is_critical_exempt")
    is_enabled: bool = Field(alias="is_enabled")
    min_severity: str = Field(alias="min_severity")
    name: str = Field(alias="name")
    organization_id: uuid.UUID = Field(alias="organization_id")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    quiet_action: str = Field(alias="quiet_action")
    quiet_from: Optional[datetime.time] = Field(alias="quiet_from")
    quiet_until: Optional[datetime.time] = Field(alias="quiet_until")
    suite_ids: List[uuid.UUID] = Field(alias="suite_ids")
    tags: List[str] = Field(alias="tags")
    time_zone: str = Field(alias="time_zone")
    trigger_kinds: List[str] = Field(alias="trigger_kinds")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicNotificationRulesInsert(TypedDict):
    channel_id: Annotated[uuid.UUID, Field(alias="channel_id")]
    condition: NotRequired[Annotated[str, Field(alias="condition")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    environment_ids: NotRequired[Annotated[List[uuid.UUID], Field(alias="environment_ids")]]
    events: Annotated[List[str], Field(alias="events")]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    in_a_row: NotRequired[Annotated[Optional[int], Field(alias="in_a_row")]]
    is_critical_exempt: NotRequired[Annotated[bool, Field(alias="is_critical_exempt")]]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    min_severity: NotRequired[Annotated[str, Field(alias="min_severity")]]
    name: Annotated[str, Field(alias="name")]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    quiet_action: NotRequired[Annotated[str, Field(alias="quiet_action")]]
    quiet_from: NotRequired[Annotated[Optional[datetime.time], Field(alias="quiet_from")]]
    quiet_until: NotRequired[Annotated[Optional[datetime.time], Field(alias="quiet_until")]]
    suite_ids: NotRequired[Annotated[List[uuid.UUID], Field(alias="suite_ids")]]
    tags: NotRequired[Annotated[List[str], Field(alias="tags")]]
    time_zone: NotRequired[Annotated[str, Field(alias="time_zone")]]
    trigger_kinds: NotRequired[Annotated[List[str], Field(alias="trigger_kinds")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicNotificationRulesUpdate(TypedDict):
    channel_id: NotRequired[Annotated[uuid.UUID, Field(alias="channel_id")]]
    condition: NotRequired[Annotated[str, Field(alias="condition")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    environment_ids: NotRequired[Annotated[List[uuid.UUID], Field(alias="environment_ids")]]
    events: NotRequired[Annotated[List[str], Field(alias="events")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    in_a_row: NotRequired[Annotated[Optional[int], Field(alias="in_a_row")]]
    is_critical_exempt: NotRequired[Annotated[bool, Field(alias="is_critical_exempt")]]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    min_severity: NotRequired[Annotated[str, Field(alias="min_severity")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    quiet_action: NotRequired[Annotated[str, Field(alias="quiet_action")]]
    quiet_from: NotRequired[Annotated[Optional[datetime.time], Field(alias="quiet_from")]]
    quiet_until: NotRequired[Annotated[Optional[datetime.time], Field(alias="quiet_until")]]
    suite_ids: NotRequired[Annotated[List[uuid.UUID], Field(alias="suite_ids")]]
    tags: NotRequired[Annotated[List[str], Field(alias="tags")]]
    time_zone: NotRequired[Annotated[str, Field(alias="time_zone")]]
    trigger_kinds: NotRequired[Annotated[List[str], Field(alias="trigger_kinds")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicOrganizationInvitations(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    email: Optional[str] = Field(alias="email")
    expires_at: datetime.datetime = Field(alias="expires_at")
    id: uuid.UUID = Field(alias="id")
    invited_by: Optional[uuid.UUID] = Field(alias="invited_by")
    labels: List[str] = Field(alias="labels")
    organization_id: uuid.UUID = Field(alias="organization_id")
    role: str = Field(alias="role")
    token_digest: bytes = Field(alias="token_digest")

class PublicOrganizationInvitationsInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    email: NotRequired[Annotated[Optional[str], Field(alias="email")]]
    expires_at: Annotated[datetime.datetime, Field(alias="expires_at")]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    invited_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="invited_by")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    role: Annotated[str, Field(alias="role")]
    token_digest: Annotated[bytes, Field(alias="token_digest")]

class PublicOrganizationInvitationsUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    email: NotRequired[Annotated[Optional[str], Field(alias="email")]]
    expires_at: NotRequired[Annotated[datetime.datetime, Field(alias="expires_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    invited_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="invited_by")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    role: NotRequired[Annotated[str, Field(alias="role")]]
    token_digest: NotRequired[Annotated[bytes, Field(alias="token_digest")]]

class PublicOrganizationLimits(BaseModel):
    max_live_runs: int = Field(alias="max_live_runs")
    max_members: int = Field(alias="max_members")
    max_parallel_tests: int = Field(alias="max_parallel_tests")
    max_projects: int = Field(alias="max_projects")
    max_stored_bytes: int = Field(alias="max_stored_bytes")
    max_tests: int = Field(alias="max_tests")
    max_tests_per_run: int = Field(alias="max_tests_per_run")
    organization_id: uuid.UUID = Field(alias="organization_id")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicOrganizationLimitsInsert(TypedDict):
    max_live_runs: NotRequired[Annotated[int, Field(alias="max_live_runs")]]
    max_members: NotRequired[Annotated[int, Field(alias="max_members")]]
    max_parallel_tests: NotRequired[Annotated[int, Field(alias="max_parallel_tests")]]
    max_projects: NotRequired[Annotated[int, Field(alias="max_projects")]]
    max_stored_bytes: NotRequired[Annotated[int, Field(alias="max_stored_bytes")]]
    max_tests: NotRequired[Annotated[int, Field(alias="max_tests")]]
    max_tests_per_run: NotRequired[Annotated[int, Field(alias="max_tests_per_run")]]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicOrganizationLimitsUpdate(TypedDict):
    max_live_runs: NotRequired[Annotated[int, Field(alias="max_live_runs")]]
    max_members: NotRequired[Annotated[int, Field(alias="max_members")]]
    max_parallel_tests: NotRequired[Annotated[int, Field(alias="max_parallel_tests")]]
    max_projects: NotRequired[Annotated[int, Field(alias="max_projects")]]
    max_stored_bytes: NotRequired[Annotated[int, Field(alias="max_stored_bytes")]]
    max_tests: NotRequired[Annotated[int, Field(alias="max_tests")]]
    max_tests_per_run: NotRequired[Annotated[int, Field(alias="max_tests_per_run")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicOrganizationMembers(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    labels: List[str] = Field(alias="labels")
    organization_id: uuid.UUID = Field(alias="organization_id")
    role: str = Field(alias="role")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicOrganizationMembersInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    role: Annotated[str, Field(alias="role")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicOrganizationMembersUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    role: NotRequired[Annotated[str, Field(alias="role")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicOrganizationRetention(BaseModel):
    kept_days: int = Field(alias="kept_days")
    organization_id: uuid.UUID = Field(alias="organization_id")
    tier: str = Field(alias="tier")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicOrganizationRetentionInsert(TypedDict):
    kept_days: Annotated[int, Field(alias="kept_days")]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    tier: Annotated[str, Field(alias="tier")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicOrganizationRetentionUpdate(TypedDict):
    kept_days: NotRequired[Annotated[int, Field(alias="kept_days")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    tier: NotRequired[Annotated[str, Field(alias="tier")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicOrganizations(BaseModel):
    audit_retention_days: int = Field(alias="audit_retention_days")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    name: str = Field(alias="name")

class PublicOrganizationsInsert(TypedDict):
    audit_retention_days: NotRequired[Annotated[int, Field(alias="audit_retention_days")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]

class PublicOrganizationsUpdate(TypedDict):
    audit_retention_days: NotRequired[Annotated[int, Field(alias="audit_retention_days")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]

class PublicPerformanceChanges(BaseModel):
    after_ms: float = Field(alias="after_ms")
    api_version: Optional[str] = Field(alias="api_version")
    before_ms: float = Field(alias="before_ms")
    began_at: datetime.datetime = Field(alias="began_at")
    checked_at: datetime.datetime = Field(alias="checked_at")
    commit_sha: Optional[str] = Field(alias="commit_sha")
    confirmed_at: Optional[datetime.datetime] = Field(alias="confirmed_at")
    direction: str = Field(alias="direction")
    environment_id: uuid.UUID = Field(alias="environment_id")
    found_at: datetime.datetime = Field(alias="found_at")
    id: int = Field(alias="id")
    is_shifted: bool = Field(alias="is_shifted")
    is_split: bool = Field(alias="is_split")
    p: float = Field(alias="p")
    project_id: uuid.UUID = Field(alias="project_id")
    ratio: float = Field(alias="ratio")
    run_id: uuid.UUID = Field(alias="run_id")
    status: str = Field(alias="status")
    test_case_id: uuid.UUID = Field(alias="test_case_id")

class PublicPerformanceChangesInsert(TypedDict):
    after_ms: Annotated[float, Field(alias="after_ms")]
    api_version: NotRequired[Annotated[Optional[str], Field(alias="api_version")]]
    before_ms: Annotated[float, Field(alias="before_ms")]
    began_at: Annotated[datetime.datetime, Field(alias="began_at")]
    checked_at: Annotated[datetime.datetime, Field(alias="checked_at")]
    commit_sha: NotRequired[Annotated[Optional[str], Field(alias="commit_sha")]]
    confirmed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="confirmed_at")]]
    direction: Annotated[str, Field(alias="direction")]
    environment_id: Annotated[uuid.UUID, Field(alias="environment_id")]
    found_at: Annotated[datetime.datetime, Field(alias="found_at")]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    is_shifted: Annotated[bool, Field(alias="is_shifted")]
    is_split: Annotated[bool, Field(alias="is_split")]
    p: Annotated[float, Field(alias="p")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    ratio: Annotated[float, Field(alias="ratio")]
    run_id: Annotated[uuid.UUID, Field(alias="run_id")]
    status: Annotated[str, Field(alias="status")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]

class PublicPerformanceChangesUpdate(TypedDict):
    after_ms: NotRequired[Annotated[float, Field(alias="after_ms")]]
    api_version: NotRequired[Annotated[Optional[str], Field(alias="api_version")]]
    before_ms: NotRequired[Annotated[float, Field(alias="before_ms")]]
    began_at: NotRequired[Annotated[datetime.datetime, Field(alias="began_at")]]
    checked_at: NotRequired[Annotated[datetime.datetime, Field(alias="checked_at")]]
    commit_sha: NotRequired[Annotated[Optional[str], Field(alias="commit_sha")]]
    confirmed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="confirmed_at")]]
    direction: NotRequired[Annotated[str, Field(alias="direction")]]
    environment_id: NotRequired[Annotated[uuid.UUID, Field(alias="environment_id")]]
    found_at: NotRequired[Annotated[datetime.datetime, Field(alias="found_at")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    is_shifted: NotRequired[Annotated[bool, Field(alias="is_shifted")]]
    is_split: NotRequired[Annotated[bool, Field(alias="is_split")]]
    p: NotRequired[Annotated[float, Field(alias="p")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    ratio: NotRequired[Annotated[float, Field(alias="ratio")]]
    run_id: NotRequired[Annotated[uuid.UUID, Field(alias="run_id")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]

class PublicPerformanceMetrics(BaseModel):
    bins: Optional[List[int]] = Field(alias="bins")
    cancelled_count: int = Field(alias="cancelled_count")
    counts: Optional[List[int]] = Field(alias="counts")
    duration_max_ms: Optional[float] = Field(alias="duration_max_ms")
    duration_min_ms: Optional[float] = Field(alias="duration_min_ms")
    duration_sum_ms: Optional[float] = Field(alias="duration_sum_ms")
    environment_id: uuid.UUID = Field(alias="environment_id")
    error_count: int = Field(alias="error_count")
    failed_count: int = Field(alias="failed_count")
    finished_on: datetime.date = Field(alias="finished_on")
    flaky_count: int = Field(alias="flaky_count")
    measured_count: int = Field(alias="measured_count")
    passed_count: int = Field(alias="passed_count")
    phase_bins: Optional[List[int]] = Field(alias="phase_bins")
    phase_counts: Optional[List[int]] = Field(alias="phase_counts")
    project_id: uuid.UUID = Field(alias="project_id")
    skipped_count: int = Field(alias="skipped_count")
    test_case_id: uuid.UUID = Field(alias="test_case_id")

class PublicPerformanceMetricsInsert(TypedDict):
    bins: NotRequired[Annotated[Optional[List[int]], Field(alias="bins")]]
    cancelled_count: Annotated[int, Field(alias="cancelled_count")]
    counts: NotRequired[Annotated[Optional[List[int]], Field(alias="counts")]]
    duration_max_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_max_ms")]]
    duration_min_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_min_ms")]]
    duration_sum_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_sum_ms")]]
    environment_id: Annotated[uuid.UUID, Field(alias="environment_id")]
    error_count: Annotated[int, Field(alias="error_count")]
    failed_count: Annotated[int, Field(alias="failed_count")]
    finished_on: Annotated[datetime.date, Field(alias="finished_on")]
    flaky_count: Annotated[int, Field(alias="flaky_count")]
    measured_count: Annotated[int, Field(alias="measured_count")]
    passed_count: Annotated[int, Field(alias="passed_count")]
    phase_bins: NotRequired[Annotated[Optional[List[int]], Field(alias="phase_bins")]]
    phase_counts: NotRequired[Annotated[Optional[List[int]], Field(alias="phase_counts")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    skipped_count: Annotated[int, Field(alias="skipped_count")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]

class PublicPerformanceMetricsUpdate(TypedDict):
    bins: NotRequired[Annotated[Optional[List[int]], Field(alias="bins")]]
    cancelled_count: NotRequired[Annotated[int, Field(alias="cancelled_count")]]
    counts: NotRequired[Annotated[Optional[List[int]], Field(alias="counts")]]
    duration_max_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_max_ms")]]
    duration_min_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_min_ms")]]
    duration_sum_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_sum_ms")]]
    environment_id: NotRequired[Annotated[uuid.UUID, Field(alias="environment_id")]]
    error_count: NotRequired[Annotated[int, Field(alias="error_count")]]
    failed_count: NotRequired[Annotated[int, Field(alias="failed_count")]]
    finished_on: NotRequired[Annotated[datetime.date, Field(alias="finished_on")]]
    flaky_count: NotRequired[Annotated[int, Field(alias="flaky_count")]]
    measured_count: NotRequired[Annotated[int, Field(alias="measured_count")]]
    passed_count: NotRequired[Annotated[int, Field(alias="passed_count")]]
    phase_bins: NotRequired[Annotated[Optional[List[int]], Field(alias="phase_bins")]]
    phase_counts: NotRequired[Annotated[Optional[List[int]], Field(alias="phase_counts")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    skipped_count: NotRequired[Annotated[int, Field(alias="skipped_count")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]

class PublicPlatformEvents(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    dedup_key: Optional[str] = Field(alias="dedup_key")
    environment_id: Optional[uuid.UUID] = Field(alias="environment_id")
    event: str = Field(alias="event")
    id: int = Field(alias="id")
    organization_id: uuid.UUID = Field(alias="organization_id")
    payload: JsonValue = Field(alias="payload")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    run_id: Optional[uuid.UUID] = Field(alias="run_id")
    severity: str = Field(alias="severity")
    test_case_id: Optional[uuid.UUID] = Field(alias="test_case_id")
    title: str = Field(alias="title")

class PublicPlatformEventsInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    dedup_key: NotRequired[Annotated[Optional[str], Field(alias="dedup_key")]]
    environment_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="environment_id")]]
    event: Annotated[str, Field(alias="event")]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    payload: NotRequired[Annotated[JsonValue, Field(alias="payload")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="run_id")]]
    severity: Annotated[str, Field(alias="severity")]
    test_case_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="test_case_id")]]
    title: Annotated[str, Field(alias="title")]

class PublicPlatformEventsUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    dedup_key: NotRequired[Annotated[Optional[str], Field(alias="dedup_key")]]
    environment_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="environment_id")]]
    event: NotRequired[Annotated[str, Field(alias="event")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    payload: NotRequired[Annotated[JsonValue, Field(alias="payload")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="run_id")]]
    severity: NotRequired[Annotated[str, Field(alias="severity")]]
    test_case_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="test_case_id")]]
    title: NotRequired[Annotated[str, Field(alias="title")]]

class PublicProjects(BaseModel):
    apdex_ms: int = Field(alias="apdex_ms")
    archived_at: Optional[datetime.datetime] = Field(alias="archived_at")
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    green_p95_ms: int = Field(alias="green_p95_ms")
    green_success_rate: float = Field(alias="green_success_rate")
    id: uuid.UUID = Field(alias="id")
    name: str = Field(alias="name")
    organization_id: uuid.UUID = Field(alias="organization_id")
    pause_reason: Optional[str] = Field(alias="pause_reason")
    paused_at: Optional[datetime.datetime] = Field(alias="paused_at")
    paused_by: Optional[uuid.UUID] = Field(alias="paused_by")
    variables: JsonValue = Field(alias="variables")
    yellow_p95_ms: int = Field(alias="yellow_p95_ms")
    yellow_success_rate: float = Field(alias="yellow_success_rate")

class PublicProjectsInsert(TypedDict):
    apdex_ms: NotRequired[Annotated[int, Field(alias="apdex_ms")]]
    archived_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="archived_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    green_p95_ms: NotRequired[Annotated[int, Field(alias="green_p95_ms")]]
    green_success_rate: NotRequired[Annotated[float, Field(alias="green_success_rate")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]
    organization_id: Annotated[uuid.UUID, Field(alias="organization_id")]
    pause_reason: NotRequired[Annotated[Optional[str], Field(alias="pause_reason")]]
    paused_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paused_at")]]
    paused_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="paused_by")]]
    variables: NotRequired[Annotated[JsonValue, Field(alias="variables")]]
    yellow_p95_ms: NotRequired[Annotated[int, Field(alias="yellow_p95_ms")]]
    yellow_success_rate: NotRequired[Annotated[float, Field(alias="yellow_success_rate")]]

class PublicProjectsUpdate(TypedDict):
    apdex_ms: NotRequired[Annotated[int, Field(alias="apdex_ms")]]
    archived_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="archived_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    green_p95_ms: NotRequired[Annotated[int, Field(alias="green_p95_ms")]]
    green_success_rate: NotRequired[Annotated[float, Field(alias="green_success_rate")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    organization_id: NotRequired[Annotated[uuid.UUID, Field(alias="organization_id")]]
    pause_reason: NotRequired[Annotated[Optional[str], Field(alias="pause_reason")]]
    paused_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paused_at")]]
    paused_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="paused_by")]]
    variables: NotRequired[Annotated[JsonValue, Field(alias="variables")]]
    yellow_p95_ms: NotRequired[Annotated[int, Field(alias="yellow_p95_ms")]]
    yellow_success_rate: NotRequired[Annotated[float, Field(alias="yellow_success_rate")]]

class PublicTestCases(BaseModel):
    archived_at: Optional[datetime.datetime] = Field(alias="archived_at")
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    endpoint_id: Optional[uuid.UUID] = Field(alias="endpoint_id")
    id: uuid.UUID = Field(alias="id")
    is_enabled: bool = Field(alias="is_enabled")
    name: str = Field(alias="name")
    phase: str = Field(alias="phase")
    position: int = Field(alias="position")
    priority: int = Field(alias="priority")
    project_id: uuid.UUID = Field(alias="project_id")
    rescue: str = Field(alias="rescue")
    retry: JsonValue = Field(alias="retry")
    suite_id: uuid.UUID = Field(alias="suite_id")
    tags: List[str] = Field(alias="tags")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicTestCasesInsert(TypedDict):
    archived_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="archived_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    endpoint_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="endpoint_id")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    name: Annotated[str, Field(alias="name")]
    phase: NotRequired[Annotated[str, Field(alias="phase")]]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    rescue: NotRequired[Annotated[str, Field(alias="rescue")]]
    retry: NotRequired[Annotated[JsonValue, Field(alias="retry")]]
    suite_id: Annotated[uuid.UUID, Field(alias="suite_id")]
    tags: NotRequired[Annotated[List[str], Field(alias="tags")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicTestCasesUpdate(TypedDict):
    archived_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="archived_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    endpoint_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="endpoint_id")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    phase: NotRequired[Annotated[str, Field(alias="phase")]]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    rescue: NotRequired[Annotated[str, Field(alias="rescue")]]
    retry: NotRequired[Annotated[JsonValue, Field(alias="retry")]]
    suite_id: NotRequired[Annotated[uuid.UUID, Field(alias="suite_id")]]
    tags: NotRequired[Annotated[List[str], Field(alias="tags")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicTestContextValues(BaseModel):
    allowed_hosts: Optional[List[str]] = Field(alias="allowed_hosts")
    created_at: datetime.datetime = Field(alias="created_at")
    encrypted_value: Optional[bytes] = Field(alias="encrypted_value")
    id: int = Field(alias="id")
    kind: str = Field(alias="kind")
    name: str = Field(alias="name")
    project_id: uuid.UUID = Field(alias="project_id")
    row_index: int = Field(alias="row_index")
    row_key: str = Field(alias="row_key")
    run_id: uuid.UUID = Field(alias="run_id")
    size_bytes: int = Field(alias="size_bytes")
    test_case_id: Optional[uuid.UUID] = Field(alias="test_case_id")
    value: Optional[JsonValue] = Field(alias="value")

class PublicTestContextValuesInsert(TypedDict):
    allowed_hosts: NotRequired[Annotated[Optional[List[str]], Field(alias="allowed_hosts")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    encrypted_value: NotRequired[Annotated[Optional[bytes], Field(alias="encrypted_value")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    kind: Annotated[str, Field(alias="kind")]
    name: Annotated[str, Field(alias="name")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    row_index: NotRequired[Annotated[int, Field(alias="row_index")]]
    row_key: NotRequired[Annotated[str, Field(alias="row_key")]]
    run_id: Annotated[uuid.UUID, Field(alias="run_id")]
    size_bytes: Annotated[int, Field(alias="size_bytes")]
    test_case_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="test_case_id")]]
    value: NotRequired[Annotated[Optional[JsonValue], Field(alias="value")]]

class PublicTestContextValuesUpdate(TypedDict):
    allowed_hosts: NotRequired[Annotated[Optional[List[str]], Field(alias="allowed_hosts")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    encrypted_value: NotRequired[Annotated[Optional[bytes], Field(alias="encrypted_value")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    kind: NotRequired[Annotated[str, Field(alias="kind")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    row_index: NotRequired[Annotated[int, Field(alias="row_index")]]
    row_key: NotRequired[Annotated[str, Field(alias="row_key")]]
    run_id: NotRequired[Annotated[uuid.UUID, Field(alias="run_id")]]
    size_bytes: NotRequired[Annotated[int, Field(alias="size_bytes")]]
    test_case_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="test_case_id")]]
    value: NotRequired[Annotated[Optional[JsonValue], Field(alias="value")]]

class PublicTestDataFixtures(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    name: str = Field(alias="name")
    project_id: uuid.UUID = Field(alias="project_id")
    rows: JsonValue = Field(alias="rows")

class PublicTestDataFixturesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    rows: Annotated[JsonValue, Field(alias="rows")]

class PublicTestDataFixturesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    rows: NotRequired[Annotated[JsonValue, Field(alias="rows")]]

class PublicTestDependencies(BaseModel):
    depends_on_id: uuid.UUID = Field(alias="depends_on_id")
    kind: str = Field(alias="kind")
    project_id: uuid.UUID = Field(alias="project_id")
    test_case_id: uuid.UUID = Field(alias="test_case_id")

class PublicTestDependenciesInsert(TypedDict):
    depends_on_id: Annotated[uuid.UUID, Field(alias="depends_on_id")]
    kind: Annotated[str, Field(alias="kind")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]

class PublicTestDependenciesUpdate(TypedDict):
    depends_on_id: NotRequired[Annotated[uuid.UUID, Field(alias="depends_on_id")]]
    kind: NotRequired[Annotated[str, Field(alias="kind")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]

class PublicTestExecutionContext(BaseModel):
    expires_at: datetime.datetime = Field(alias="expires_at")
    project_id: uuid.UUID = Field(alias="project_id")
    row_size_bytes: int = Field(alias="row_size_bytes")
    run_id: uuid.UUID = Field(alias="run_id")
    size_bytes: int = Field(alias="size_bytes")
    updated_at: datetime.datetime = Field(alias="updated_at")
    value_count: int = Field(alias="value_count")

class PublicTestExecutionContextInsert(TypedDict):
    expires_at: NotRequired[Annotated[datetime.datetime, Field(alias="expires_at")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    row_size_bytes: NotRequired[Annotated[int, Field(alias="row_size_bytes")]]
    run_id: Annotated[uuid.UUID, Field(alias="run_id")]
    size_bytes: NotRequired[Annotated[int, Field(alias="size_bytes")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    value_count: NotRequired[Annotated[int, Field(alias="value_count")]]

class PublicTestExecutionContextUpdate(TypedDict):
    expires_at: NotRequired[Annotated[datetime.datetime, Field(alias="expires_at")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    row_size_bytes: NotRequired[Annotated[int, Field(alias="row_size_bytes")]]
    run_id: NotRequired[Annotated[uuid.UUID, Field(alias="run_id")]]
    size_bytes: NotRequired[Annotated[int, Field(alias="size_bytes")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    value_count: NotRequired[Annotated[int, Field(alias="value_count")]]

class PublicTestQuarantines(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    created_by: Optional[uuid.UUID] = Field(alias="created_by")
    ended_at: Optional[datetime.datetime] = Field(alias="ended_at")
    ended_by: Optional[uuid.UUID] = Field(alias="ended_by")
    environment_id: Optional[uuid.UUID] = Field(alias="environment_id")
    expires_at: datetime.datetime = Field(alias="expires_at")
    id: uuid.UUID = Field(alias="id")
    owner_id: Optional[uuid.UUID] = Field(alias="owner_id")
    project_id: uuid.UUID = Field(alias="project_id")
    reason: str = Field(alias="reason")
    test_case_id: uuid.UUID = Field(alias="test_case_id")

class PublicTestQuarantinesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    created_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="created_by")]]
    ended_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="ended_at")]]
    ended_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="ended_by")]]
    environment_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="environment_id")]]
    expires_at: Annotated[datetime.datetime, Field(alias="expires_at")]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    owner_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="owner_id")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    reason: Annotated[str, Field(alias="reason")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]

class PublicTestQuarantinesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    created_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="created_by")]]
    ended_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="ended_at")]]
    ended_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="ended_by")]]
    environment_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="environment_id")]]
    expires_at: NotRequired[Annotated[datetime.datetime, Field(alias="expires_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    owner_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="owner_id")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    reason: NotRequired[Annotated[str, Field(alias="reason")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]

class PublicTestRatings(BaseModel):
    attempt_count: int = Field(alias="attempt_count")
    bad_rate: float = Field(alias="bad_rate")
    confidence: str = Field(alias="confidence")
    contradiction_count: int = Field(alias="contradiction_count")
    environment_id: uuid.UUID = Field(alias="environment_id")
    failure_count: int = Field(alias="failure_count")
    failure_level: float = Field(alias="failure_level")
    failure_run_id: Optional[uuid.UUID] = Field(alias="failure_run_id")
    flake_bound: float = Field(alias="flake_bound")
    flake_count: int = Field(alias="flake_count")
    flake_rate: float = Field(alias="flake_rate")
    flake_run_id: Optional[uuid.UUID] = Field(alias="flake_run_id")
    flip_rate: Optional[float] = Field(alias="flip_rate")
    key_count: int = Field(alias="key_count")
    last_run_at: datetime.datetime = Field(alias="last_run_at")
    pass_streak: int = Field(alias="pass_streak")
    project_id: uuid.UUID = Field(alias="project_id")
    rated_at: datetime.datetime = Field(alias="rated_at")
    reasons: List[str] = Field(alias="reasons")
    result_count: int = Field(alias="result_count")
    retry_ms: float = Field(alias="retry_ms")
    run_count: int = Field(alias="run_count")
    since: datetime.datetime = Field(alias="since")
    skipped_count: int = Field(alias="skipped_count")
    test_case_id: uuid.UUID = Field(alias="test_case_id")
    verdict: str = Field(alias="verdict")
    wasted_ms: float = Field(alias="wasted_ms")

class PublicTestRatingsInsert(TypedDict):
    attempt_count: Annotated[int, Field(alias="attempt_count")]
    bad_rate: Annotated[float, Field(alias="bad_rate")]
    confidence: Annotated[str, Field(alias="confidence")]
    contradiction_count: Annotated[int, Field(alias="contradiction_count")]
    environment_id: Annotated[uuid.UUID, Field(alias="environment_id")]
    failure_count: Annotated[int, Field(alias="failure_count")]
    failure_level: Annotated[float, Field(alias="failure_level")]
    failure_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="failure_run_id")]]
    flake_bound: Annotated[float, Field(alias="flake_bound")]
    flake_count: Annotated[int, Field(alias="flake_count")]
    flake_rate: Annotated[float, Field(alias="flake_rate")]
    flake_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="flake_run_id")]]
    flip_rate: NotRequired[Annotated[Optional[float], Field(alias="flip_rate")]]
    key_count: Annotated[int, Field(alias="key_count")]
    last_run_at: Annotated[datetime.datetime, Field(alias="last_run_at")]
    pass_streak: Annotated[int, Field(alias="pass_streak")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    rated_at: Annotated[datetime.datetime, Field(alias="rated_at")]
    reasons: Annotated[List[str], Field(alias="reasons")]
    result_count: Annotated[int, Field(alias="result_count")]
    retry_ms: Annotated[float, Field(alias="retry_ms")]
    run_count: Annotated[int, Field(alias="run_count")]
    since: Annotated[datetime.datetime, Field(alias="since")]
    skipped_count: Annotated[int, Field(alias="skipped_count")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]
    verdict: Annotated[str, Field(alias="verdict")]
    wasted_ms: Annotated[float, Field(alias="wasted_ms")]

class PublicTestRatingsUpdate(TypedDict):
    attempt_count: NotRequired[Annotated[int, Field(alias="attempt_count")]]
    bad_rate: NotRequired[Annotated[float, Field(alias="bad_rate")]]
    confidence: NotRequired[Annotated[str, Field(alias="confidence")]]
    contradiction_count: NotRequired[Annotated[int, Field(alias="contradiction_count")]]
    environment_id: NotRequired[Annotated[uuid.UUID, Field(alias="environment_id")]]
    failure_count: NotRequired[Annotated[int, Field(alias="failure_count")]]
    failure_level: NotRequired[Annotated[float, Field(alias="failure_level")]]
    failure_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="failure_run_id")]]
    flake_bound: NotRequired[Annotated[float, Field(alias="flake_bound")]]
    flake_count: NotRequired[Annotated[int, Field(alias="flake_count")]]
    flake_rate: NotRequired[Annotated[float, Field(alias="flake_rate")]]
    flake_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="flake_run_id")]]
    flip_rate: NotRequired[Annotated[Optional[float], Field(alias="flip_rate")]]
    key_count: NotRequired[Annotated[int, Field(alias="key_count")]]
    last_run_at: NotRequired[Annotated[datetime.datetime, Field(alias="last_run_at")]]
    pass_streak: NotRequired[Annotated[int, Field(alias="pass_streak")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    rated_at: NotRequired[Annotated[datetime.datetime, Field(alias="rated_at")]]
    reasons: NotRequired[Annotated[List[str], Field(alias="reasons")]]
    result_count: NotRequired[Annotated[int, Field(alias="result_count")]]
    retry_ms: NotRequired[Annotated[float, Field(alias="retry_ms")]]
    run_count: NotRequired[Annotated[int, Field(alias="run_count")]]
    since: NotRequired[Annotated[datetime.datetime, Field(alias="since")]]
    skipped_count: NotRequired[Annotated[int, Field(alias="skipped_count")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]
    verdict: NotRequired[Annotated[str, Field(alias="verdict")]]
    wasted_ms: NotRequired[Annotated[float, Field(alias="wasted_ms")]]

class PublicTestRequestConfigs(BaseModel):
    auth: Optional[JsonValue] = Field(alias="auth")
    body: Optional[JsonValue] = Field(alias="body")
    connect_timeout_ms: int = Field(alias="connect_timeout_ms")
    headers: JsonValue = Field(alias="headers")
    idempotency_header: Optional[str] = Field(alias="idempotency_header")
    max_body_bytes: int = Field(alias="max_body_bytes")
    max_redirects: int = Field(alias="max_redirects")
    method: str = Field(alias="method")
    path: str = Field(alias="path")
    project_id: uuid.UUID = Field(alias="project_id")
    query: JsonValue = Field(alias="query")
    test_case_id: uuid.UUID = Field(alias="test_case_id")
    total_timeout_ms: int = Field(alias="total_timeout_ms")
    verify_tls: bool = Field(alias="verify_tls")

class PublicTestRequestConfigsInsert(TypedDict):
    auth: NotRequired[Annotated[Optional[JsonValue], Field(alias="auth")]]
    body: NotRequired[Annotated[Optional[JsonValue], Field(alias="body")]]
    connect_timeout_ms: NotRequired[Annotated[int, Field(alias="connect_timeout_ms")]]
    headers: NotRequired[Annotated[JsonValue, Field(alias="headers")]]
    idempotency_header: NotRequired[Annotated[Optional[str], Field(alias="idempotency_header")]]
    max_body_bytes: NotRequired[Annotated[int, Field(alias="max_body_bytes")]]
    max_redirects: NotRequired[Annotated[int, Field(alias="max_redirects")]]
    method: NotRequired[Annotated[str, Field(alias="method")]]
    path: Annotated[str, Field(alias="path")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    query: NotRequired[Annotated[JsonValue, Field(alias="query")]]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]
    total_timeout_ms: NotRequired[Annotated[int, Field(alias="total_timeout_ms")]]
    verify_tls: NotRequired[Annotated[bool, Field(alias="verify_tls")]]

class PublicTestRequestConfigsUpdate(TypedDict):
    auth: NotRequired[Annotated[Optional[JsonValue], Field(alias="auth")]]
    body: NotRequired[Annotated[Optional[JsonValue], Field(alias="body")]]
    connect_timeout_ms: NotRequired[Annotated[int, Field(alias="connect_timeout_ms")]]
    headers: NotRequired[Annotated[JsonValue, Field(alias="headers")]]
    idempotency_header: NotRequired[Annotated[Optional[str], Field(alias="idempotency_header")]]
    max_body_bytes: NotRequired[Annotated[int, Field(alias="max_body_bytes")]]
    max_redirects: NotRequired[Annotated[int, Field(alias="max_redirects")]]
    method: NotRequired[Annotated[str, Field(alias="method")]]
    path: NotRequired[Annotated[str, Field(alias="path")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    query: NotRequired[Annotated[JsonValue, Field(alias="query")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]
    total_timeout_ms: NotRequired[Annotated[int, Field(alias="total_timeout_ms")]]
    verify_tls: NotRequired[Annotated[bool, Field(alias="verify_tls")]]

class PublicTestResponseSpecs(BaseModel):
    assertions: JsonValue = Field(alias="assertions")
    captures: JsonValue = Field(alias="captures")
    json_schema: Optional[JsonValue] = Field(alias="json_schema")
    project_id: uuid.UUID = Field(alias="project_id")
    test_case_id: uuid.UUID = Field(alias="test_case_id")

class PublicTestResponseSpecsInsert(TypedDict):
    assertions: NotRequired[Annotated[JsonValue, Field(alias="assertions")]]
    captures: NotRequired[Annotated[JsonValue, Field(alias="captures")]]
    json_schema: NotRequired[Annotated[Optional[JsonValue], Field(alias="json_schema")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]

class PublicTestResponseSpecsUpdate(TypedDict):
    assertions: NotRequired[Annotated[JsonValue, Field(alias="assertions")]]
    captures: NotRequired[Annotated[JsonValue, Field(alias="captures")]]
    json_schema: NotRequired[Annotated[Optional[JsonValue], Field(alias="json_schema")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]

class PublicTestResultDetails(BaseModel):
    attempt: int = Field(alias="attempt")
    category: Optional[str] = Field(alias="category")
    duration_ms: Optional[float] = Field(alias="duration_ms")
    http_status: Optional[int] = Field(alias="http_status")
    lease: uuid.UUID = Field(alias="lease")
    message: Optional[str] = Field(alias="message")
    outcome: str = Field(alias="outcome")
    planned_on: datetime.date = Field(alias="planned_on")
    project_id: uuid.UUID = Field(alias="project_id")
    reported_at: datetime.datetime = Field(alias="reported_at")
    request: JsonValue = Field(alias="request")
    response: Optional[JsonValue] = Field(alias="response")
    result_id: uuid.UUID = Field(alias="result_id")
    retention_class: str = Field(alias="retention_class")
    run_id: uuid.UUID = Field(alias="run_id")
    slug: Optional[str] = Field(alias="slug")
    started_at: Optional[datetime.datetime] = Field(alias="started_at")
    timing_ms: JsonValue = Field(alias="timing_ms")
    worker_id: Optional[uuid.UUID] = Field(alias="worker_id")

class PublicTestResultDetailsInsert(TypedDict):
    attempt: Annotated[int, Field(alias="attempt")]
    category: NotRequired[Annotated[Optional[str], Field(alias="category")]]
    duration_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_ms")]]
    http_status: NotRequired[Annotated[Optional[int], Field(alias="http_status")]]
    lease: Annotated[uuid.UUID, Field(alias="lease")]
    message: NotRequired[Annotated[Optional[str], Field(alias="message")]]
    outcome: Annotated[str, Field(alias="outcome")]
    planned_on: Annotated[datetime.date, Field(alias="planned_on")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    reported_at: NotRequired[Annotated[datetime.datetime, Field(alias="reported_at")]]
    request: Annotated[JsonValue, Field(alias="request")]
    response: NotRequired[Annotated[Optional[JsonValue], Field(alias="response")]]
    result_id: Annotated[uuid.UUID, Field(alias="result_id")]
    retention_class: Annotated[str, Field(alias="retention_class")]
    run_id: Annotated[uuid.UUID, Field(alias="run_id")]
    slug: NotRequired[Annotated[Optional[str], Field(alias="slug")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    timing_ms: NotRequired[Annotated[JsonValue, Field(alias="timing_ms")]]
    worker_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="worker_id")]]

class PublicTestResultDetailsUpdate(TypedDict):
    attempt: NotRequired[Annotated[int, Field(alias="attempt")]]
    category: NotRequired[Annotated[Optional[str], Field(alias="category")]]
    duration_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_ms")]]
    http_status: NotRequired[Annotated[Optional[int], Field(alias="http_status")]]
    lease: NotRequired[Annotated[uuid.UUID, Field(alias="lease")]]
    message: NotRequired[Annotated[Optional[str], Field(alias="message")]]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    planned_on: NotRequired[Annotated[datetime.date, Field(alias="planned_on")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    reported_at: NotRequired[Annotated[datetime.datetime, Field(alias="reported_at")]]
    request: NotRequired[Annotated[JsonValue, Field(alias="request")]]
    response: NotRequired[Annotated[Optional[JsonValue], Field(alias="response")]]
    result_id: NotRequired[Annotated[uuid.UUID, Field(alias="result_id")]]
    retention_class: NotRequired[Annotated[str, Field(alias="retention_class")]]
    run_id: NotRequired[Annotated[uuid.UUID, Field(alias="run_id")]]
    slug: NotRequired[Annotated[Optional[str], Field(alias="slug")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    timing_ms: NotRequired[Annotated[JsonValue, Field(alias="timing_ms")]]
    worker_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="worker_id")]]

class PublicTestResults(BaseModel):
    accepted_lease: Optional[uuid.UUID] = Field(alias="accepted_lease")
    attempt_count: int = Field(alias="attempt_count")
    bindings: JsonValue = Field(alias="bindings")
    category: Optional[str] = Field(alias="category")
    cause_edge: Optional[str] = Field(alias="cause_edge")
    cause_result_id: Optional[uuid.UUID] = Field(alias="cause_result_id")
    cause_status: Optional[str] = Field(alias="cause_status")
    definition_id: int = Field(alias="definition_id")
    duration_ms: Optional[float] = Field(alias="duration_ms")
    finished_at: Optional[datetime.datetime] = Field(alias="finished_at")
    finished_seq: Optional[int] = Field(alias="finished_seq")
    fixture_snapshot_id: Optional[int] = Field(alias="fixture_snapshot_id")
    http_status: Optional[int] = Field(alias="http_status")
    id: uuid.UUID = Field(alias="id")
    is_quarantined: bool = Field(alias="is_quarantined")
    message: Optional[str] = Field(alias="message")
    phase: str = Field(alias="phase")
    planned_on: datetime.date = Field(alias="planned_on")
    project_id: uuid.UUID = Field(alias="project_id")
    rescue_count: int = Field(alias="rescue_count")
    row_index: int = Field(alias="row_index")
    row_key: str = Field(alias="row_key")
    run_id: uuid.UUID = Field(alias="run_id")
    slug: Optional[str] = Field(alias="slug")
    started_at: Optional[datetime.datetime] = Field(alias="started_at")
    status: str = Field(alias="status")
    suite_name: str = Field(alias="suite_name")
    test_case_id: uuid.UUID = Field(alias="test_case_id")
    test_name: str = Field(alias="test_name")

class PublicTestResultsInsert(TypedDict):
    accepted_lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="accepted_lease")]]
    attempt_count: NotRequired[Annotated[int, Field(alias="attempt_count")]]
    bindings: NotRequired[Annotated[JsonValue, Field(alias="bindings")]]
    category: NotRequired[Annotated[Optional[str], Field(alias="category")]]
    cause_edge: NotRequired[Annotated[Optional[str], Field(alias="cause_edge")]]
    cause_result_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="cause_result_id")]]
    cause_status: NotRequired[Annotated[Optional[str], Field(alias="cause_status")]]
    definition_id: Annotated[int, Field(alias="definition_id")]
    duration_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_ms")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    finished_seq: NotRequired[Annotated[Optional[int], Field(alias="finished_seq")]]
    fixture_snapshot_id: NotRequired[Annotated[Optional[int], Field(alias="fixture_snapshot_id")]]
    http_status: NotRequired[Annotated[Optional[int], Field(alias="http_status")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_quarantined: NotRequired[Annotated[bool, Field(alias="is_quarantined")]]
    message: NotRequired[Annotated[Optional[str], Field(alias="message")]]
    phase: Annotated[str, Field(alias="phase")]
    planned_on: Annotated[datetime.date, Field(alias="planned_on")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    rescue_count: NotRequired[Annotated[int, Field(alias="rescue_count")]]
    row_index: NotRequired[Annotated[int, Field(alias="row_index")]]
    row_key: NotRequired[Annotated[str, Field(alias="row_key")]]
    run_id: Annotated[uuid.UUID, Field(alias="run_id")]
    slug: NotRequired[Annotated[Optional[str], Field(alias="slug")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    suite_name: Annotated[str, Field(alias="suite_name")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]
    test_name: Annotated[str, Field(alias="test_name")]

class PublicTestResultsUpdate(TypedDict):
    accepted_lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="accepted_lease")]]
    attempt_count: NotRequired[Annotated[int, Field(alias="attempt_count")]]
    bindings: NotRequired[Annotated[JsonValue, Field(alias="bindings")]]
    category: NotRequired[Annotated[Optional[str], Field(alias="category")]]
    cause_edge: NotRequired[Annotated[Optional[str], Field(alias="cause_edge")]]
    cause_result_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="cause_result_id")]]
    cause_status: NotRequired[Annotated[Optional[str], Field(alias="cause_status")]]
    definition_id: NotRequired[Annotated[int, Field(alias="definition_id")]]
    duration_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_ms")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    finished_seq: NotRequired[Annotated[Optional[int], Field(alias="finished_seq")]]
    fixture_snapshot_id: NotRequired[Annotated[Optional[int], Field(alias="fixture_snapshot_id")]]
    http_status: NotRequired[Annotated[Optional[int], Field(alias="http_status")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_quarantined: NotRequired[Annotated[bool, Field(alias="is_quarantined")]]
    message: NotRequired[Annotated[Optional[str], Field(alias="message")]]
    phase: NotRequired[Annotated[str, Field(alias="phase")]]
    planned_on: NotRequired[Annotated[datetime.date, Field(alias="planned_on")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    rescue_count: NotRequired[Annotated[int, Field(alias="rescue_count")]]
    row_index: NotRequired[Annotated[int, Field(alias="row_index")]]
    row_key: NotRequired[Annotated[str, Field(alias="row_key")]]
    run_id: NotRequired[Annotated[uuid.UUID, Field(alias="run_id")]]
    slug: NotRequired[Annotated[Optional[str], Field(alias="slug")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    suite_name: NotRequired[Annotated[str, Field(alias="suite_name")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]
    test_name: NotRequired[Annotated[str, Field(alias="test_name")]]

class PublicTestRunChanges(BaseModel):
    change: str = Field(alias="change")
    failing_since_run_id: Optional[uuid.UUID] = Field(alias="failing_since_run_id")
    is_flaky: bool = Field(alias="is_flaky")
    is_new: bool = Field(alias="is_new")
    last_passed_run_id: Optional[uuid.UUID] = Field(alias="last_passed_run_id")
    place: int = Field(alias="place")
    project_id: uuid.UUID = Field(alias="project_id")
    row_key: str = Field(alias="row_key")
    run_id: uuid.UUID = Field(alias="run_id")
    slug: Optional[str] = Field(alias="slug")
    status: Optional[str] = Field(alias="status")
    suite_name: str = Field(alias="suite_name")
    test_case_id: uuid.UUID = Field(alias="test_case_id")
    test_name: str = Field(alias="test_name")

class PublicTestRunChangesInsert(TypedDict):
    change: Annotated[str, Field(alias="change")]
    failing_since_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="failing_since_run_id")]]
    is_flaky: Annotated[bool, Field(alias="is_flaky")]
    is_new: Annotated[bool, Field(alias="is_new")]
    last_passed_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="last_passed_run_id")]]
    place: Annotated[int, Field(alias="place")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    row_key: Annotated[str, Field(alias="row_key")]
    run_id: Annotated[uuid.UUID, Field(alias="run_id")]
    slug: NotRequired[Annotated[Optional[str], Field(alias="slug")]]
    status: NotRequired[Annotated[Optional[str], Field(alias="status")]]
    suite_name: Annotated[str, Field(alias="suite_name")]
    test_case_id: Annotated[uuid.UUID, Field(alias="test_case_id")]
    test_name: Annotated[str, Field(alias="test_name")]

class PublicTestRunChangesUpdate(TypedDict):
    change: NotRequired[Annotated[str, Field(alias="change")]]
    failing_since_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="failing_since_run_id")]]
    is_flaky: NotRequired[Annotated[bool, Field(alias="is_flaky")]]
    is_new: NotRequired[Annotated[bool, Field(alias="is_new")]]
    last_passed_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="last_passed_run_id")]]
    place: NotRequired[Annotated[int, Field(alias="place")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    row_key: NotRequired[Annotated[str, Field(alias="row_key")]]
    run_id: NotRequired[Annotated[uuid.UUID, Field(alias="run_id")]]
    slug: NotRequired[Annotated[Optional[str], Field(alias="slug")]]
    status: NotRequired[Annotated[Optional[str], Field(alias="status")]]
    suite_name: NotRequired[Annotated[str, Field(alias="suite_name")]]
    test_case_id: NotRequired[Annotated[uuid.UUID, Field(alias="test_case_id")]]
    test_name: NotRequired[Annotated[str, Field(alias="test_name")]]

class PublicTestRunHistory(BaseModel):
    api_version: Optional[str] = Field(alias="api_version")
    cancelled_count: int = Field(alias="cancelled_count")
    commit_sha: Optional[str] = Field(alias="commit_sha")
    duration_ms: Optional[float] = Field(alias="duration_ms")
    environment_id: uuid.UUID = Field(alias="environment_id")
    error_count: int = Field(alias="error_count")
    failed_count: int = Field(alias="failed_count")
    finished_at: datetime.datetime = Field(alias="finished_at")
    flaky_count: int = Field(alias="flaky_count")
    http_call_count: int = Field(alias="http_call_count")
    is_infra_suspect: bool = Field(alias="is_infra_suspect")
    max_ms: Optional[float] = Field(alias="max_ms")
    new_count: int = Field(alias="new_count")
    newly_failing_count: int = Field(alias="newly_failing_count")
    newly_passing_count: int = Field(alias="newly_passing_count")
    p50_ms: Optional[float] = Field(alias="p50_ms")
    p95_ms: Optional[float] = Field(alias="p95_ms")
    p99_ms: Optional[float] = Field(alias="p99_ms")
    passed_count: int = Field(alias="passed_count")
    previous_run_id: Optional[uuid.UUID] = Field(alias="previous_run_id")
    project_id: uuid.UUID = Field(alias="project_id")
    queued_at: datetime.datetime = Field(alias="queued_at")
    queued_by: Optional[uuid.UUID] = Field(alias="queued_by")
    removed_count: int = Field(alias="removed_count")
    requests_ms: float = Field(alias="requests_ms")
    rescue_count: int = Field(alias="rescue_count")
    retry_count: int = Field(alias="retry_count")
    run_id: uuid.UUID = Field(alias="run_id")
    selection: JsonValue = Field(alias="selection")
    selection_key: str = Field(alias="selection_key")
    skipped_count: int = Field(alias="skipped_count")
    started_at: Optional[datetime.datetime] = Field(alias="started_at")
    status: str = Field(alias="status")
    still_failing_count: int = Field(alias="still_failing_count")
    total_count: int = Field(alias="total_count")
    trigger_kind: str = Field(alias="trigger_kind")

class PublicTestRunHistoryInsert(TypedDict):
    api_version: NotRequired[Annotated[Optional[str], Field(alias="api_version")]]
    cancelled_count: Annotated[int, Field(alias="cancelled_count")]
    commit_sha: NotRequired[Annotated[Optional[str], Field(alias="commit_sha")]]
    duration_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_ms")]]
    environment_id: Annotated[uuid.UUID, Field(alias="environment_id")]
    error_count: Annotated[int, Field(alias="error_count")]
    failed_count: Annotated[int, Field(alias="failed_count")]
    finished_at: Annotated[datetime.datetime, Field(alias="finished_at")]
    flaky_count: NotRequired[Annotated[int, Field(alias="flaky_count")]]
    http_call_count: NotRequired[Annotated[int, Field(alias="http_call_count")]]
    is_infra_suspect: Annotated[bool, Field(alias="is_infra_suspect")]
    max_ms: NotRequired[Annotated[Optional[float], Field(alias="max_ms")]]
    new_count: NotRequired[Annotated[int, Field(alias="new_count")]]
    newly_failing_count: NotRequired[Annotated[int, Field(alias="newly_failing_count")]]
    newly_passing_count: NotRequired[Annotated[int, Field(alias="newly_passing_count")]]
    p50_ms: NotRequired[Annotated[Optional[float], Field(alias="p50_ms")]]
    p95_ms: NotRequired[Annotated[Optional[float], Field(alias="p95_ms")]]
    p99_ms: NotRequired[Annotated[Optional[float], Field(alias="p99_ms")]]
    passed_count: Annotated[int, Field(alias="passed_count")]
    previous_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="previous_run_id")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    queued_at: Annotated[datetime.datetime, Field(alias="queued_at")]
    queued_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="queued_by")]]
    removed_count: NotRequired[Annotated[int, Field(alias="removed_count")]]
    requests_ms: NotRequired[Annotated[float, Field(alias="requests_ms")]]
    rescue_count: NotRequired[Annotated[int, Field(alias="rescue_count")]]
    retry_count: NotRequired[Annotated[int, Field(alias="retry_count")]]
    run_id: Annotated[uuid.UUID, Field(alias="run_id")]
    selection: NotRequired[Annotated[JsonValue, Field(alias="selection")]]
    selection_key: NotRequired[Annotated[str, Field(alias="selection_key")]]
    skipped_count: Annotated[int, Field(alias="skipped_count")]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: Annotated[str, Field(alias="status")]
    still_failing_count: NotRequired[Annotated[int, Field(alias="still_failing_count")]]
    total_count: Annotated[int, Field(alias="total_count")]
    trigger_kind: Annotated[str, Field(alias="trigger_kind")]

class PublicTestRunHistoryUpdate(TypedDict):
    api_version: NotRequired[Annotated[Optional[str], Field(alias="api_version")]]
    cancelled_count: NotRequired[Annotated[int, Field(alias="cancelled_count")]]
    commit_sha: NotRequired[Annotated[Optional[str], Field(alias="commit_sha")]]
    duration_ms: NotRequired[Annotated[Optional[float], Field(alias="duration_ms")]]
    environment_id: NotRequired[Annotated[uuid.UUID, Field(alias="environment_id")]]
    error_count: NotRequired[Annotated[int, Field(alias="error_count")]]
    failed_count: NotRequired[Annotated[int, Field(alias="failed_count")]]
    finished_at: NotRequired[Annotated[datetime.datetime, Field(alias="finished_at")]]
    flaky_count: NotRequired[Annotated[int, Field(alias="flaky_count")]]
    http_call_count: NotRequired[Annotated[int, Field(alias="http_call_count")]]
    is_infra_suspect: NotRequired[Annotated[bool, Field(alias="is_infra_suspect")]]
    max_ms: NotRequired[Annotated[Optional[float], Field(alias="max_ms")]]
    new_count: NotRequired[Annotated[int, Field(alias="new_count")]]
    newly_failing_count: NotRequired[Annotated[int, Field(alias="newly_failing_count")]]
    newly_passing_count: NotRequired[Annotated[int, Field(alias="newly_passing_count")]]
    p50_ms: NotRequired[Annotated[Optional[float], Field(alias="p50_ms")]]
    p95_ms: NotRequired[Annotated[Optional[float], Field(alias="p95_ms")]]
    p99_ms: NotRequired[Annotated[Optional[float], Field(alias="p99_ms")]]
    passed_count: NotRequired[Annotated[int, Field(alias="passed_count")]]
    previous_run_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="previous_run_id")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    queued_at: NotRequired[Annotated[datetime.datetime, Field(alias="queued_at")]]
    queued_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="queued_by")]]
    removed_count: NotRequired[Annotated[int, Field(alias="removed_count")]]
    requests_ms: NotRequired[Annotated[float, Field(alias="requests_ms")]]
    rescue_count: NotRequired[Annotated[int, Field(alias="rescue_count")]]
    retry_count: NotRequired[Annotated[int, Field(alias="retry_count")]]
    run_id: NotRequired[Annotated[uuid.UUID, Field(alias="run_id")]]
    selection: NotRequired[Annotated[JsonValue, Field(alias="selection")]]
    selection_key: NotRequired[Annotated[str, Field(alias="selection_key")]]
    skipped_count: NotRequired[Annotated[int, Field(alias="skipped_count")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    still_failing_count: NotRequired[Annotated[int, Field(alias="still_failing_count")]]
    total_count: NotRequired[Annotated[int, Field(alias="total_count")]]
    trigger_kind: NotRequired[Annotated[str, Field(alias="trigger_kind")]]

class PublicTestRuns(BaseModel):
    api_version: Optional[str] = Field(alias="api_version")
    cancelled_count: int = Field(alias="cancelled_count")
    commit_sha: Optional[str] = Field(alias="commit_sha")
    environment_id: uuid.UUID = Field(alias="environment_id")
    environment_snapshot_id: Optional[int] = Field(alias="environment_snapshot_id")
    error_count: int = Field(alias="error_count")
    failed_count: int = Field(alias="failed_count")
    finished_at: Optional[datetime.datetime] = Field(alias="finished_at")
    id: uuid.UUID = Field(alias="id")
    idempotency_key: Optional[str] = Field(alias="idempotency_key")
    labels: List[str] = Field(alias="labels")
    max_parallel: Optional[int] = Field(alias="max_parallel")
    passed_count: int = Field(alias="passed_count")
    planned_on: datetime.date = Field(alias="planned_on")
    project_id: uuid.UUID = Field(alias="project_id")
    queued_at: datetime.datetime = Field(alias="queued_at")
    queued_by: Optional[uuid.UUID] = Field(alias="queued_by")
    selection: JsonValue = Field(alias="selection")
    skipped_count: int = Field(alias="skipped_count")
    started_at: Optional[datetime.datetime] = Field(alias="started_at")
    status: str = Field(alias="status")
    timeout_ms: Optional[int] = Field(alias="timeout_ms")
    total_count: int = Field(alias="total_count")
    trigger_kind: str = Field(alias="trigger_kind")
    variables: JsonValue = Field(alias="variables")

class PublicTestRunsInsert(TypedDict):
    api_version: NotRequired[Annotated[Optional[str], Field(alias="api_version")]]
    cancelled_count: NotRequired[Annotated[int, Field(alias="cancelled_count")]]
    commit_sha: NotRequired[Annotated[Optional[str], Field(alias="commit_sha")]]
    environment_id: Annotated[uuid.UUID, Field(alias="environment_id")]
    environment_snapshot_id: NotRequired[Annotated[Optional[int], Field(alias="environment_snapshot_id")]]
    error_count: NotRequired[Annotated[int, Field(alias="error_count")]]
    failed_count: NotRequired[Annotated[int, Field(alias="failed_count")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    max_parallel: NotRequired[Annotated[Optional[int], Field(alias="max_parallel")]]
    passed_count: NotRequired[Annotated[int, Field(alias="passed_count")]]
    planned_on: NotRequired[Annotated[datetime.date, Field(alias="planned_on")]]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    queued_at: NotRequired[Annotated[datetime.datetime, Field(alias="queued_at")]]
    queued_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="queued_by")]]
    selection: Annotated[JsonValue, Field(alias="selection")]
    skipped_count: NotRequired[Annotated[int, Field(alias="skipped_count")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    timeout_ms: NotRequired[Annotated[Optional[int], Field(alias="timeout_ms")]]
    total_count: NotRequired[Annotated[int, Field(alias="total_count")]]
    trigger_kind: NotRequired[Annotated[str, Field(alias="trigger_kind")]]
    variables: NotRequired[Annotated[JsonValue, Field(alias="variables")]]

class PublicTestRunsUpdate(TypedDict):
    api_version: NotRequired[Annotated[Optional[str], Field(alias="api_version")]]
    cancelled_count: NotRequired[Annotated[int, Field(alias="cancelled_count")]]
    commit_sha: NotRequired[Annotated[Optional[str], Field(alias="commit_sha")]]
    environment_id: NotRequired[Annotated[uuid.UUID, Field(alias="environment_id")]]
    environment_snapshot_id: NotRequired[Annotated[Optional[int], Field(alias="environment_snapshot_id")]]
    error_count: NotRequired[Annotated[int, Field(alias="error_count")]]
    failed_count: NotRequired[Annotated[int, Field(alias="failed_count")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    max_parallel: NotRequired[Annotated[Optional[int], Field(alias="max_parallel")]]
    passed_count: NotRequired[Annotated[int, Field(alias="passed_count")]]
    planned_on: NotRequired[Annotated[datetime.date, Field(alias="planned_on")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    queued_at: NotRequired[Annotated[datetime.datetime, Field(alias="queued_at")]]
    queued_by: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="queued_by")]]
    selection: NotRequired[Annotated[JsonValue, Field(alias="selection")]]
    skipped_count: NotRequired[Annotated[int, Field(alias="skipped_count")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    timeout_ms: NotRequired[Annotated[Optional[int], Field(alias="timeout_ms")]]
    total_count: NotRequired[Annotated[int, Field(alias="total_count")]]
    trigger_kind: NotRequired[Annotated[str, Field(alias="trigger_kind")]]
    variables: NotRequired[Annotated[JsonValue, Field(alias="variables")]]

class PublicTestSuites(BaseModel):
    archived_at: Optional[datetime.datetime] = Field(alias="archived_at")
    auth: Optional[JsonValue] = Field(alias="auth")
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    execution_mode: str = Field(alias="execution_mode")
    headers: JsonValue = Field(alias="headers")
    id: uuid.UUID = Field(alias="id")
    name: str = Field(alias="name")
    project_id: uuid.UUID = Field(alias="project_id")
    variables: JsonValue = Field(alias="variables")

class PublicTestSuitesInsert(TypedDict):
    archived_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="archived_at")]]
    auth: NotRequired[Annotated[Optional[JsonValue], Field(alias="auth")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    execution_mode: NotRequired[Annotated[str, Field(alias="execution_mode")]]
    headers: NotRequired[Annotated[JsonValue, Field(alias="headers")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]
    project_id: Annotated[uuid.UUID, Field(alias="project_id")]
    variables: NotRequired[Annotated[JsonValue, Field(alias="variables")]]

class PublicTestSuitesUpdate(TypedDict):
    archived_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="archived_at")]]
    auth: NotRequired[Annotated[Optional[JsonValue], Field(alias="auth")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    execution_mode: NotRequired[Annotated[str, Field(alias="execution_mode")]]
    headers: NotRequired[Annotated[JsonValue, Field(alias="headers")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    project_id: NotRequired[Annotated[uuid.UUID, Field(alias="project_id")]]
    variables: NotRequired[Annotated[JsonValue, Field(alias="variables")]]

class PublicUsers(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    display_name: Optional[str] = Field(alias="display_name")
    email: Optional[str] = Field(alias="email")
    id: uuid.UUID = Field(alias="id")

class PublicUsersInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    display_name: NotRequired[Annotated[Optional[str], Field(alias="display_name")]]
    email: NotRequired[Annotated[Optional[str], Field(alias="email")]]
    id: Annotated[uuid.UUID, Field(alias="id")]

class PublicUsersUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    display_name: NotRequired[Annotated[Optional[str], Field(alias="display_name")]]
    email: NotRequired[Annotated[Optional[str], Field(alias="email")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]

class PublicWorkers(BaseModel):
    capacity: int = Field(alias="capacity")
    id: uuid.UUID = Field(alias="id")
    labels: List[str] = Field(alias="labels")
    last_seen_at: datetime.datetime = Field(alias="last_seen_at")
    name: str = Field(alias="name")
    organization_id: Optional[uuid.UUID] = Field(alias="organization_id")
    registered_at: datetime.datetime = Field(alias="registered_at")
    revoked_at: Optional[datetime.datetime] = Field(alias="revoked_at")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")
    version: str = Field(alias="version")

class PublicWorkersInsert(TypedDict):
    capacity: Annotated[int, Field(alias="capacity")]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    last_seen_at: NotRequired[Annotated[datetime.datetime, Field(alias="last_seen_at")]]
    name: Annotated[str, Field(alias="name")]
    organization_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="organization_id")]]
    registered_at: NotRequired[Annotated[datetime.datetime, Field(alias="registered_at")]]
    revoked_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="revoked_at")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]
    version: Annotated[str, Field(alias="version")]

class PublicWorkersUpdate(TypedDict):
    capacity: NotRequired[Annotated[int, Field(alias="capacity")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    labels: NotRequired[Annotated[List[str], Field(alias="labels")]]
    last_seen_at: NotRequired[Annotated[datetime.datetime, Field(alias="last_seen_at")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    organization_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="organization_id")]]
    registered_at: NotRequired[Annotated[datetime.datetime, Field(alias="registered_at")]]
    revoked_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="revoked_at")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]
    version: NotRequired[Annotated[str, Field(alias="version")]]
