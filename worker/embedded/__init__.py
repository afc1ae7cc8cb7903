"""Supabase without Docker, for development, tests and the demo: real parts under one process.

``stack.up`` starts it in the background: PostgreSQL with the platform's schemas (``bootstrap``),
PostgREST, and a gateway that serves ``/rest/v1``, ``/auth/v1`` and ``/realtime/v1`` to unmodified
client libraries and runs the cron jobs. Everything listens on 127.0.0.1 only.
"""
