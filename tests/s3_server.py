"""A real S3 server on loopback, which can go away and come back with what it holds, and one that refuses everyone."""

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""The made-up pair of Amazon's own documentation."""


class S3Server:
    """The server, and a bucket in it."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.bucket = "bucket"
        self.start()
        key, secret = CREDENTIALS["AWS_ACCESS_KEY_ID"], SECRET
        self.client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    def start(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def uri(self, name: str) -> str:
        return s3_uri(self.bucket, name, self.port)

    def make_bucket(self, name: str) -> None:
        self.bucket = name
        self.client.create_bucket(Bucket=name)

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=name, Body=content)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)

    def upload(self, folder: Path, name: str) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def objects(self, under: str = "") -> dict[str, bytes]:
        """The objects of the bucket by key, without `under` in front of it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=under)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        names = [key for key in keys if not key.endswith("/")]  # marks of folders
        found = {name: self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read() for name in names}
        return {name.removeprefix(under): content for name, content in found.items()}


def s3_uri(bucket: str, name: str, port: int) -> str:
    return f"s3://{bucket}/{name}?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"


class _Denied(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_PUT = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@contextmanager
def denying_server() -> Iterator[int]:
    """Port of a server that denies access to everything."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Denied)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
