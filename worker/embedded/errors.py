"""The one error a caller of the embedded Supabase has to expect."""


class EmbeddedError(Exception):
    """What was asked cannot be done; the message says why and what to do about it."""
