"""Who asks: each way of saying so, and what is not one."""

import base64
import hashlib
import json

import pytest

from runtime.engine.rights import Identity
from runtime.server.auth import (
    BasicAuth,
    Caller,
    CredentialsUnusable,
    FirstOf,
    Groups,
    TrustedHeader,
    networks,
    read_groups,
    read_passwords,
    read_tokens,
)

GROUPS = Groups({"ops": frozenset({"ada"})})


def caller(address="10.0.0.1", **headers):
    return Caller({name.replace("_", "-"): value for name, value in headers.items()}, address)


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "who"),
    [
        (basic("ada:secret"), Identity("ada", ["ops"])),
        (basic("bob:a:b"), Identity("bob")),
        (basic("ada:wrong"), None),
        (basic("eve:secret"), None),
        (basic("eve:"), None),
        (basic(":"), None),
        (basic("ada"), None),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), None),
        ("Basic " + "A" * 5000, None),
        ("Bearer x", None),
        ("", None),
    ],
)
def test_passwords(header, who):
    assert BasicAuth({"ada": "secret", "bob": "a:b"}, GROUPS).identify(caller(authorization=header)) == who


@pytest.mark.parametrize(
    ("header", "who"),
    [
        ("Bearer t0ken", Identity("ada", ["ops"])),
        ("bearer t0ken", Identity("ada", ["ops"])),
        ("Bearer t0ke", None),
        ("Bearer", None),
        (basic("ada:t0ken"), None),
    ],
)
def test_tokens_are_known_by_their_hashes(tmp_path, header, who):
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({hashlib.sha256(b"t0ken").hexdigest(): {"username": "ada", "groups": ["ops"]}}))
    tokens = read_tokens(file)
    assert tokens.identify(caller(authorization=header)) == who
    assert "t0ken" not in repr(tokens)


@pytest.mark.parametrize(
    ("address", "header", "who"),
    [
        ("10.0.0.1", "ada", Identity("ada", ["ops", "more"])),
        ("10.0.0.1", "", None),
        ("10.0.0.1", " ", None),
        ("192.168.0.1", "ada", None),
        ("not an address", "ada", None),
        ("", "ada", None),
    ],
)
def test_a_header_is_believed_from_proxies_only(address, header, who):
    trusting = TrustedHeader(networks(["10.0.0.0/8"]), GROUPS)
    asked = caller(address, x_remote_user=header, x_remote_groups="more, ")
    assert trusting.identify(asked) == who


def test_the_first_way_that_knows_is_believed():
    ways = FirstOf((BasicAuth({"ada": "secret"}), TrustedHeader(networks(["10.0.0.1"]))))
    assert ways.identify(caller(authorization=basic("ada:wrong"), x_remote_user="bob")) == Identity("bob")
    assert ways.identify(caller("::1", x_remote_user="bob")) is None
    assert ways.challenge == 'Basic realm="understudy", charset="UTF-8"'


@pytest.mark.parametrize(
    "use",
    [
        lambda _: networks(["10.0.0.0/99"]),
        lambda file: read_passwords(file, GROUPS),
        read_groups,
        read_tokens,
    ],
)
def test_what_cannot_be_used_is_refused_without_showing_it(tmp_path, use):
    file = tmp_path / "file.json"
    file.write_text('{"hush": 3}')
    with pytest.raises(CredentialsUnusable) as refusal:
        use(file)
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize("hashed", ["ab" * 31, "xy" * 32, "é" * 64])
def test_what_is_no_hash_of_a_token_is_refused_when_it_is_read_and_not_at_each_request(tmp_path, hashed):
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({hashed: {"username": "ada"}}))
    with pytest.raises(CredentialsUnusable, match="must map SHA-256 hashes in hexadecimal to usernames"):
        read_tokens(file)


def test_passwords_are_not_shown():
    assert "hush" not in repr(BasicAuth({"ada": "hush"}))
