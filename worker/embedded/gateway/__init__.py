"""The one address clients talk to: ``/rest/v1``, ``/auth/v1`` and ``/realtime/v1``."""
