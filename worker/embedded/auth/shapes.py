"""How rows of the auth tables look in JSON."""

from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

_OPTIONAL_TIMES = (
    "email_confirmed_at",
    "invited_at",
    "phone_confirmed_at",
    "confirmation_sent_at",
    "confirmed_at",
    "recovery_sent_at",
    "email_change_sent_at",
    "last_sign_in_at",
    "banned_until",
    "deleted_at",
)


def moment(value: datetime | None) -> str | None:
    """Return *value* in RFC 3339 and UTC; None stays None."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def user(row: Row, identities: list[Row]) -> dict[str, Any]:
    """Return the user object for a row of auth.users; times that are not set are left out."""
    shape = {
        "id": str(row["id"]),
        "aud": row["aud"],
        "role": row["role"],
        "email": row["email"] or "",
        "phone": row["phone"] or "",
        "app_metadata": row["raw_app_meta_data"] or {},
        "user_metadata": row["raw_user_meta_data"] or {},
        "identities": [identity(each) for each in identities],
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "is_anonymous": row["is_anonymous"],
    }
    times = {name: moment(row[name]) for name in _OPTIONAL_TIMES if row[name] is not None}
    return {**shape, **times}


def identity(row: Row) -> dict[str, Any]:
    """Return the identity object for a row of auth.identities."""
    return {
        "identity_id": str(row["id"]),
        "id": row["provider_id"],
        "user_id": str(row["user_id"]),
        "identity_data": row["identity_data"],
        "provider": row["provider"],
        "last_sign_in_at": moment(row["last_sign_in_at"]),
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "email": row["email"],
    }
