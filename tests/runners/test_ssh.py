"""ssh against a real server, in a process of its own on the loopback interface."""

import base64
import re
import threading
from functools import partial

import asyncssh
import pytest
import trio

from runners import _ssh_key
from runners._ssh_config import SshConfig, host_and_port
from runners._ssh_key import KeyUnusable, private_key
from runners.ssh import Ssh
from runtime.destinations import Destinations
from runtime.runner import ClientError, RunnerSettings
from runtime.testing import laws
from tests.support import ssh_server
from tests.support.http_server import send, serving, stall
from tests.support.processes import wait_gone

SSH = Ssh()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ssh_server.running(tmp_path_factory.mktemp("ssh")) as running:
        yield running


def config(server, script="", **others):
    return {"user": "ada", "target": server.target, "ssh_key": server.key, "script": script, **others}


async def test_a_script_gives_its_results_and_what_it_printed(server):
    with trio.fail_after(30):
        outcome = await laws.gives_json(
            SSH,
            config(
                server,
                'echo "on it"; NAME=world; LINES="$(printf \'a "b"\\n\\\\c\\td\')"',
                result={
                    "greeting": "hello $NAME",
                    "lines": "$LINES",
                    "quoted": '"$LINES"',
                    "sum": "$((1 + 2))",
                    "none": "$UNSET",
                },
            ),
        )
    lines = 'a "b"\n\\c\td'
    assert outcome.output == {"greeting": "hello world", "lines": lines, "quoted": lines, "sum": "3", "none": ""}
    assert outcome.metadata["output"].startswith("on it\n\n{")
    assert (outcome.metadata["exit_code"], outcome.metadata["exit_signal"], outcome.metadata["exit_msg"]) == (
        "0",
        "",
        "",
    )


async def test_results_are_there_when_the_script_fails_too(server):
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(
            SSH, config(server, "STAGE=two; exit 3", result={"stage": "$STAGE"}, exit_codes_unrecoverable=["3-5"])
        )
    assert isinstance(failed, ClientError)
    assert (failed.message, failed.output, failed.metadata["exit_code"]) == ("exit code: 3", {"stage": "two"}, "3")


@pytest.mark.parametrize(
    ("script", "others", "output"),
    [
        ("echo x; echo '{\"a\": 1}'", {"output_mode": "manual-lastline"}, {"a": 1}),
        (
            'echo "BEGIN{\\"a\\": 2}END"; echo more',
            {"output_mode": "manual-delimiters", "output_manual_delimiters": ["BEGIN", "END"]},
            {"a": 2},
        ),
        ("echo hello", {"output_mode": "disabled"}, None),
        ("true", {}, {}),
    ],
)
async def test_the_output_is_where_the_mode_says(server, script, others, output):
    with trio.fail_after(30):
        outcome = await laws.gives_json(SSH, config(server, script, **others))
    assert outcome.output == output


async def test_an_output_that_is_not_json_fails_the_step(server):
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(SSH, config(server, "echo hello", output_mode="manual-lastline"))
    assert "the last line of the output is not a JSON object" in failed.message
    assert failed.metadata["output"] == "hello\n"


async def test_the_script_is_given_on_standard_input_too_and_a_gigabyte_of_output_is_bounded(server):
    with trio.fail_after(60):
        outcome = await laws.gives_json(
            SSH, config(server, "head -c 30000000 /dev/zero | tr '\\0' x", output_mode="disabled")
        )
        assert len(outcome.metadata["output"]) < 1_100_000
        script = "wc -c >&2 #" + "x" * 5_000_000
        outcome = await laws.gives_json(SSH, config(server, "cat | wc -c", output_mode="disabled"))
        assert outcome.metadata["output"].strip() == str(len("cat | wc -c"))
        assert script


async def test_a_bastion_is_told_the_way_and_given_the_script(server):
    """The server here runs whatever the bastion is told, so that the words of the command can be seen."""
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(
            SSH, config(server, "true", target="inner.example", hops=[server.target, "second.example"], result={})
        )
    assert "second.example" in failed.metadata["output"], "the shell says which command it did not find"


async def test_a_command_that_a_signal_ends_has_failed(server):
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(SSH, config(server, "kill -9 $$", output_mode="disabled"))
    assert (failed.metadata["exit_code"], failed.metadata["exit_signal"]) == ("-1", "unknown")


async def test_a_host_that_is_not_the_one_that_was_meant_gets_nothing(server):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with trio.fail_after(30):
        known = [f"127.0.0.1 {server.host_key}", other]
        assert (await laws.gives_json(SSH, config(server, "true", host_keys=known))).output == {}
        failed = await laws.fails_as_declared(SSH, config(server, "true", host_keys=[other]))
    assert "the host is not the one it should be" in failed.message


def encrypted(form, **how):
    key = asyncssh.generate_private_key("ssh-ed25519")
    return key.export_private_key(form, passphrase="open sesame", ignore_few_rounds=True, **how).decode()


async def test_an_encrypted_key_needs_its_passphrase(server):
    key = asyncssh.import_private_key(server.key)
    key = key.export_private_key(passphrase="open sesame", rounds=2, ignore_few_rounds=True).decode()
    with trio.fail_after(60):
        right = config(server, "true", ssh_key=key, ssh_key_passphrase="open sesame")
        assert (await laws.gives_json(SSH, right)).output == {}
        for wrong in ("", "let me in"):
            failed = await laws.fails_as_declared(SSH, {**right, "ssh_key_passphrase": wrong})
            assert isinstance(failed, ClientError)


def test_an_encrypted_key_may_be_in_openssh_form_or_in_pkcs8_with_pbkdf2():
    for key in (encrypted("openssh", rounds=2), encrypted("pkcs8-pem")):
        assert private_key(key, "open sesame").get_name() == "ssh-ed25519"
    with pytest.raises(KeyUnusable, match="in a way that is not known"):
        private_key(encrypted("pkcs8-pem", pbe_version=1, cipher_name="des3-cbc", hash_name="sha1"), "open sesame")


@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem"])
def test_a_key_whose_passphrase_takes_for_ever_to_try_is_refused_at_once(form):
    key = encrypted(form, rounds=2) if form == "openssh" else encrypted(form)
    begin, body, end = re.fullmatch(r"(-----BEGIN.*?-----\n)(.*)(-----END.*)", key, re.DOTALL).groups()
    plain = bytearray(base64.b64decode(body))
    if form == "openssh":
        at = plain.index(b"\0\0\0\x02")
        plain[at : at + 4] = b"\x7f\xff\xff\xff"
    else:
        at = plain.index(b"\x02\x02\x08\x00")  # 2048
        plain[at : at + 4] = b"\x02\x02\x7f\xff"
    dear = begin + base64.encodebytes(plain).decode() + end
    bounds = {"MOST_ROUNDS": 16, "MOST_ITERATIONS": 4096}
    with pytest.MonkeyPatch.context() as patch:
        for name, most in bounds.items():
            patch.setattr(_ssh_key, name, most)
        with pytest.raises(KeyUnusable, match=r"at most .* are tried"):
            private_key(dear, "open sesame")


async def test_reading_an_encrypted_key_holds_nobody_up_and_a_cancel_does_not_wait_for_it(server, monkeypatch):
    """The one thread that a cancel leaves behind: it holds nothing, and ends by itself, within the bounds above."""
    begun, go_on = trio.Event(), threading.Event()

    def slow(_text, _passphrase):
        trio.from_thread.run_sync(begun.set)
        go_on.wait()
        raise KeyUnusable("no")

    monkeypatch.setattr("runners.ssh.private_key", slow)
    given = config(server, "true", ssh_key_passphrase="open sesame")
    try:
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(SSH.run, laws.request_for(SSH, given))
                await begun.wait()
                nursery.cancel_scope.cancel()
    finally:
        go_on.set()
    assert nursery.cancel_scope.cancelled_caught


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("ecdsa-sha2-nistp256", "openssh"),
        ("ecdsa-sha2-nistp384", "pkcs8-pem"),
        ("ssh-rsa", "openssh"),
        ("ssh-rsa", "pkcs1-pem"),
        ("ssh-ed25519", "pkcs8-pem"),
    ],
)
async def test_a_key_of_any_kind_and_form_that_the_host_does_not_know_is_not_let_in(server, kind, form):
    key = asyncssh.generate_private_key(kind).export_private_key(form).decode()
    with trio.fail_after(60):
        failed = await laws.fails_as_declared(SSH, config(server, "true", ssh_key=key))
    assert "does not let this user in" in failed.message


async def test_a_key_that_is_none_is_the_authors_fault_and_stays_secret(server):
    secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----"
    failed = await laws.keeps_secret(SSH, config(server, "true", ssh_key=secret), "c2VjcmV0")
    assert isinstance(failed, ClientError)


@pytest.mark.parametrize("handler", [stall(), send(b"HTTP/1.1 400 no\r\n\r\n"), send(b"")])
async def test_a_server_that_is_none_of_ssh_fails_the_step(server, handler):
    async with serving(handler) as liar:
        with trio.fail_after(30):
            failed = await laws.fails_as_declared(
                SSH, config(server, "true", target=f"127.0.0.1:{liar.port}", timeout="300ms")
            )
    assert failed.message.startswith(("timed out after 0.3s", f"127.0.0.1:{liar.port}: the session failed"))


async def test_nobody_there_is_said_so(server):
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(SSH, config(server, "true", target="127.0.0.1:1"))
    assert failed.message == "cannot connect to 127.0.0.1:1: Connection refused"


async def test_a_script_that_takes_too_long_is_killed_with_its_session(jumping_clock, server, signpost):
    script = f"echo $$ > {signpost.path}; sleep 1000"
    with trio.fail_after(90):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(laws.fails_as_declared, SSH, config(server, script, timeout="50s")))
            [pid] = await signpost.lines(1)
            jumping_clock.jump(50)
        await wait_gone([int(pid)])


async def test_a_cancel_ends_the_session_at_once(server, signpost):
    with trio.fail_after(30):
        await laws.is_cancelled_promptly(
            SSH, config(server, f"echo here > {signpost.path}; sleep 1000"), partial(signpost.lines, 1)
        )


async def test_a_cancel_while_the_host_says_nothing_ends_it_at_once(server):
    async with serving(stall()) as silent:

        async def connected() -> None:
            while not silent.connections:
                await trio.lowlevel.checkpoint()

        with trio.fail_after(30):
            await laws.is_cancelled_promptly(SSH, config(server, "true", target=f"127.0.0.1:{silent.port}"), connected)


async def test_a_destination_that_is_not_allowed_is_not_connected_to(server):
    ssh = Ssh(RunnerSettings(destinations=Destinations(deny=["127.0.0.0/8"])))
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(ssh, config(server, "true"))
    assert isinstance(failed, ClientError)
    assert "the destination 127.0.0.1 is not allowed here" in failed.message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("h", ("h", 22)),
        ("h:2222", ("h", 2222)),
        ("[::1]:2222", ("::1", 2222)),
        ("[::1]", ("::1", 22)),
        ("fe80::1", ("fe80::1", 22)),
    ],
)
def test_a_target_is_a_host_with_or_without_a_port(text, parts):
    assert host_and_port(text) == parts


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"target": "h:0"}, "target"),
        ({"target": "h:70000"}, "target"),
        ({"target": "a b"}, "target"),
        ({"target": ""}, "target"),
        ({"hops": ["h", "h:x"]}, "hops[1]"),
        ({"hops": ["h"] * 11}, "hops"),
        ({"user": ""}, "user"),
        ({"timeout": "-1s"}, "timeout"),
        ({"output_mode": "manual-delimiters"}, "output_manual_delimiters"),
        ({"output_manual_delimiters": ["a", "b"]}, "output_manual_delimiters"),
        ({"output_mode": "disabled", "result": {"a": "$A"}}, "result"),
        ({"result": {'a"': "$A"}}, 'result.a"'),
        ({"exit_codes_unrecoverable": ["5-2"]}, "exit_codes_unrecoverable[0]"),
    ],
)
def test_what_can_never_be_run_is_refused_with_its_path(wrong, path):
    faults = SSH.check({"user": "u", "target": "h", "ssh_key": "k", **wrong}).faults
    assert [fault.path for fault in faults] == [path]


def test_what_is_still_a_template_passes_and_the_resources_are_the_hosts():
    checked = SSH.check({"user": "{{.u}}", "target": "{{.t}}", "ssh_key": "{{.k}}", "timeout": "{{.s}}"})
    assert not checked.faults
    configuration = SshConfig(user="u", target="t:2", hops=("a", "b"), ssh_key="k")
    assert SSH.resources(configuration) == ("socket", "url:t:2", "url:a", "url:b")
