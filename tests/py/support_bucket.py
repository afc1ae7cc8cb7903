"""A real S3-compatible server for the tests: SeaweedFS, all of it in one process."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store
from support_project import started
from support_wait import wait_until

from worker.embedded import ports

KEY, SECRET = "assay", "a key of the tests alone"
BUCKET = "evidence"


@dataclasses.dataclass(frozen=True)
class BucketServer:
    """Its address, and what a client needs to know."""

    endpoint: str

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that ``assay archive`` reads."""
        return {
            "ASSAY_ARCHIVE_URL": f"s3://{BUCKET}/assay",
            "ASSAY_ARCHIVE_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def open(self) -> S3Store:
        """Return the bucket, past the code under test."""
        return S3Store(
            BUCKET,
            prefix="assay",
            config={"endpoint": self.endpoint},
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )


@contextlib.contextmanager
def running_bucket_server(folder: Path) -> Iterator[BucketServer]:
    """Run it with its data in *folder* until the block ends."""
    identity = {
        "name": "assay",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    named = (
        *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
        *("filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc"),
    )
    numbers = dict(zip(named, ports.pick_free(len(named)), strict=True))
    command = [
        str(Path(sys.executable).with_name("weed")),
        *("-logtostderr=true", "server", f"-dir={folder}", "-filer", "-s3"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
        *(f"-{name}={number}" for name, number in numbers.items()),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder / 's3.json'}"),
        *(f"-filer.localSocket={folder / 'filer'}", f"-s3.localSocket={folder / 's3'}"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=20"),
    ]
    server = BucketServer(f"http://127.0.0.1:{numbers['s3.port']}")
    log = folder / "weed.log"
    with log.open("w") as output, started(command, output=output) as child:
        store = server.open()

        def is_ready() -> bool:
            assert child.poll() is None, log.read_text()
            try:
                obstore.put(store, "ready", b"yes")
            except BaseError:
                return False
            return True

        wait_until(is_ready, log.read_text)
        yield server
