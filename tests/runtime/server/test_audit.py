"""Each request leaves one line: who asked for what, and what became of it; and no secret."""

import json
from pathlib import Path

import pytest

from runtime.server.audit import AuditFile, AuditUnusable
from tests.runtime.server.test_routes import HELLO, submitted
from tests.support.api_server import running_server


async def test_each_request_leaves_a_line_with_who_asked_for_what():
    lines = []
    async with running_server([HELLO], audit=lines.append) as server:
        ada = server.client("ada")
        made = await submitted(ada)
        secret = await ada.post(f"/unsecured/callback/{made['id']}-1?t=very-secret", json={})
        await server.client(None).get("/task")
        sent = await ada.post("/v1/messages", json={"type": "add_comment", "task_id": made["id"], "content": "private"})
        await ada.get("/healthz")
    told = [json.loads(line) for line in lines]
    assert [(one["method"], one["path"], one["status"], one["user"]) for one in told] == [
        ("POST", "/task", 201, "ada"),
        ("POST", f"/unsecured/callback/{made['id']}-1", secret.status_code, "ada"),
        ("GET", "/task", 401, ""),
        ("POST", "/v1/messages", 200, "ada"),
        ("GET", "/healthz", 200, ""),
    ]
    assert (told[0]["message"], told[0]["template"]) == ("submit_task", "hello")
    assert (told[3]["message"], told[3]["task_id"]) == ("add_comment", made["id"])
    assert told[3]["request_id"] == sent.headers["x-request-id"]
    assert all(one["seconds"] >= 0 and one["ip"] == "127.0.0.1" for one in told)
    for word in ("very-secret", "private", "x-remote-user"):
        assert word not in "".join(lines)


async def test_a_file_that_cannot_be_written_costs_no_request(tmp_path):
    with AuditFile(tmp_path / "audit.jsonl") as audit, AuditFile(Path("/dev/full")) as full:
        for file in (audit, full):
            async with running_server([HELLO], audit=file) as server:
                assert (await server.client("ada").get("/meta")).status_code == 200
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 1
    with pytest.raises(AuditUnusable, match="cannot be written"):
        AuditFile(tmp_path)
