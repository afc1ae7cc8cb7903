"""``/auth/v1``: the part of GoTrue that the client libraries use, over the real auth tables.

Sign-ups are confirmed at once, since there is no mail here; the platform's own default waits for
the confirmation.
"""
