"""An S3-compatible bucket: the only module that knows the client for it."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from worker.cli_errors import BucketError
from worker.errors import ConfigError

_RETRIES = 5
_PATIENCE = timedelta(seconds=60)
_CHUNK_BYTES = 1 << 20


class Bucket:
    """Objects below a prefix. Keys of access come from ``AWS_*`` variables, or from the machine."""

    def __init__(self, url: str, endpoint: str | None) -> None:
        """Take *url*, ``s3://bucket/prefix``; *endpoint* of a server that is not Amazon's."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise ConfigError("ASSAY_ARCHIVE_URL is wrong; it takes: s3://<bucket>/<prefix>")
        self.url = url.rstrip("/")
        is_plain = (endpoint or "").startswith("http://")
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config={"endpoint": endpoint} if endpoint else None,
            client_options={"allow_http": is_plain},
            retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
        )

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Bucket":
        """Open the bucket that ``ASSAY_ARCHIVE_URL`` and ``ASSAY_ARCHIVE_ENDPOINT`` name."""
        url = env.get("ASSAY_ARCHIVE_URL")
        if not url:
            raise ConfigError("ASSAY_ARCHIVE_URL is not set; it takes: s3://<bucket>/<prefix>")
        return cls(url, env.get("ASSAY_ARCHIVE_ENDPOINT"))

    async def put(self, name: str, content: bytes) -> None:
        """Write an object; there is either all of it or none."""
        try:
            await obstore.put_async(self._store, name, content)
        except (BaseError, OSError) as error:
            raise self._failed(error) from error

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """Yield an object's content in pieces of about a megabyte.

        Raises ``FileNotFoundError`` when there is none.
        """
        try:
            answer = await obstore.get_async(self._store, name)
            async for piece in answer.stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(piece)
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> BucketError:
        # what follows repeats it at length
        return BucketError(f"the bucket {self.url} does not answer as it should: {_first(error)}")


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0]
