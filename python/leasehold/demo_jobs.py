"""What the demo's workers do: read, hash and count a file, and sum up when all are done.

leasehold work leasehold.demo_jobs
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from .lease import GiveUp, Lease

CHUNK = 1 << 20


def index(lease: Lease) -> None:
    """Counts one file; the counts and the end of the job are one transaction."""
    path = Path(lease.payload["path"])
    digest = hashlib.sha256()
    size = lines = words = 0
    inside = False  # a word may lie across two chunks
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")
            words += len(chunk.split()) - (inside and not chunk[:1].isspace())
            inside = not chunk[-1:].isspace()
    with lease.transaction() as conn:
        written = conn.execute(
            "insert into demo.result (path, bytes, lines, words, sha256, fence, attempt, job_id)"
            " select f.path, %s, %s, %s, %s, %s, %s, f.job_id"
            " from demo.file as f where f.job_id = %s",
            [size, lines, words, digest.hexdigest(), lease.fence, lease.attempt, lease.job_id],
        )
        if written.rowcount == 0:
            raise GiveUp("a job of an earlier demo")
        lease.complete({"lines": lines})


def summarise(lease: Lease) -> None:
    """Sums up all results. It waited for every file: for those that were indexed, and for those
    that died.
    """
    with lease.transaction() as conn:
        conn.execute(
            "insert into demo.summary (files, bytes, lines, words)"
            " select count(*), sum(r.bytes), sum(r.lines), sum(r.words) from demo.result as r"
        )
        lease.complete()


handlers = {"demo.file": index, "demo.summary": summarise}
