"""PostgREST with the settings of the platform, listening on a Unix socket."""

import dataclasses
import os
import subprocess
from pathlib import Path

from worker.embedded import process


@dataclasses.dataclass(frozen=True)
class RestServer:
    """How to start PostgREST: *program*, the *database* to serve, the *socket* to answer on."""

    program: Path
    database: str
    socket: Path
    jwt_secret: str
    public_url: str
    log_file: Path

    def start(self) -> subprocess.Popen[bytes]:
        """Start it as a child of this process; it answers 503 until it has read the schema."""
        self.socket.unlink(missing_ok=True)
        return process.spawn([self.program], log_file=self.log_file, env=self._environment())

    def _environment(self) -> dict[str, str]:
        # The environment rather than a file: the secret and the password stay off the disk.
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {
            **inherited,
            "PGRST_DB_URI": self.database,
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_EXTRA_SEARCH_PATH": "public,extensions",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_DB_POOL": "10",
            "PGRST_DB_CHANNEL": "pgrst",
            "PGRST_DB_CHANNEL_ENABLED": "true",
            "PGRST_JWT_SECRET": self.jwt_secret,
            "PGRST_OPENAPI_SERVER_PROXY_URI": f"{self.public_url}/rest/v1",
            "PGRST_SERVER_UNIX_SOCKET": str(self.socket),
            "PGRST_SERVER_UNIX_SOCKET_MODE": "600",
        }
