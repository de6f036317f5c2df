"""A store for tests that speaks enough of S3 over HTTP: whole objects and objects in parts, path style. It signs each
request again, as botocore does, and refuses what is signed differently."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY_ID, SECRET = "CANARY-key-id-5e1f", "CANARY-secret-key-9a2b"
REGION, BUCKET = "eu-test-1", "exports"
SIGNED = re.compile(
    r"Credential=(?P<credential>[^,]+), ?SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>\w+)"
)
XML = '<?xml version="1.0" encoding="UTF-8"?>'


class ObjectStore(ThreadingHTTPServer):
    """`objects` by their keys; `refusals` are answered first: (status, code). While `gate` is not set, what came is not
    answered, and `is_waiting`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.refusals: list[tuple[int, str]] = []
        self.requests: list[str] = []
        self.gate, self.is_waiting = threading.Event(), threading.Event()
        self.gate.set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: ObjectStore
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        query = self._begin(body)
        if query is None:
            return
        if "partNumber" in query:
            self.server.parts[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self.server.objects[self._key] = body
        self._answer(200, headers={"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = self._begin(body)
        if query is None:
            return
        if "uploads" in query:
            self.server.parts["1"] = {}
            names = f"<Bucket>{BUCKET}</Bucket><Key>{self._key}</Key><UploadId>1</UploadId>"
            self._answer(200, f"<InitiateMultipartUploadResult>{names}</InitiateMultipartUploadResult>")
            return
        parts = self.server.parts.pop(query["uploadId"])
        self.server.objects[self._key] = b"".join(parts[number] for number in sorted(parts))
        self._answer(200, '<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>')

    def do_DELETE(self) -> None:
        if (query := self._begin(b"")) is not None:
            self.server.parts.pop(query["uploadId"], None)
            self._answer(204)

    @property
    def _key(self) -> str:
        return urlsplit(self.path).path.removeprefix(f"/{BUCKET}/")

    def _begin(self, body: bytes) -> dict[str, str] | None:
        """The parameters of the address; None where it was refused."""
        self.server.requests.append(f"{self.command} {self.path}")
        if not self.server.gate.is_set():
            self.server.is_waiting.set()
            self.server.gate.wait(60)
        if self.server.refusals:
            self._refuse(*self.server.refusals.pop(0))
        elif not urlsplit(self.path).path.startswith(f"/{BUCKET}/"):
            self._refuse(404, "NoSuchBucket")
        elif not self._is_signed(body):
            self._refuse(403, "SignatureDoesNotMatch")
        else:
            found = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            return {name: values[0] for name, values in found.items()}
        return None

    def _is_signed(self, body: bytes) -> bool:
        given = SIGNED.search(self.headers.get("Authorization", ""))
        digest = self.headers.get("X-Amz-Content-SHA256", "")
        if given is None or digest not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            return False
        signer: Any = S3SigV4Auth(Credentials(KEY_ID, SECRET), "s3", REGION)
        request = AWSRequest(self.command, f"{self.server.endpoint}{self.path}", data=body)
        names = given["names"].split(";")
        for name in names:
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        signer.headers_to_sign = lambda _request: request.headers
        text = signer.string_to_sign(request, signer.canonical_request(request))
        scope = f"{KEY_ID}/{self.headers['X-Amz-Date'][:8]}/{REGION}/s3/aws4_request"
        return given["credential"] == scope and given["signature"] == signer.signature(text, request)

    def _refuse(self, status: int, code: str) -> None:
        """It repeats the keys, as some stores do."""
        self._answer(status, f"<Error><Code>{code}</Code><Message>{KEY_ID} {SECRET}</Message></Error>")

    def _answer(self, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        content = f"{XML}{body}".encode() if body else b""
        self.send_response(status)
        self.send_header("x-amz-request-id", "REQUEST-7")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    with ObjectStore() as store:
        thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield store
        finally:
            store.shutdown()
            thread.join()
