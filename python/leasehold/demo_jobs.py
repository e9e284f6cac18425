"""The handlers of the demo: one reads, hashes and counts a file, the other sums up at the end.

Run them with: leasehold work leasehold.demo_jobs
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from .lease import GiveUp, Lease

CHUNK = 1 << 20


def index(lease: Lease) -> None:
    """Counts one file. The counts and the end of the job commit together."""
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
            raise GiveUp("the job belongs to an earlier demo")
        lease.complete({"lines": lines})


def summarise(lease: Lease) -> None:
    """Sums up all results. Its job waits for the jobs of all files, whether they succeed or die."""
    with lease.transaction() as conn:
        conn.execute(
            "insert into demo.summary (files, bytes, lines, words)"
            " select count(*), sum(r.bytes), sum(r.lines), sum(r.words) from demo.result as r"
        )
        lease.complete()


handlers = {"demo.file": index, "demo.summary": summarise}
