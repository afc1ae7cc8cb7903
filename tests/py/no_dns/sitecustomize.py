"""Loaded by every Python that has this folder in PYTHONPATH: no name in ``.invalid`` is looked up.

Such a name has no address, but the system would ask the network to find out.
"""

import socket
from typing import Any

_ask_system = socket.getaddrinfo


def _know_better(host: Any, *arguments: Any, **options: Any) -> Any:
    if str(host).endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _ask_system(host, *arguments, **options)


socket.getaddrinfo = _know_better
