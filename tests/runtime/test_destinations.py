import pytest

from runtime.destinations import CAUTIOUS, EVERYWHERE, Destinations, Forbidden


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("169.254.169.254", None),
        ("[::ffff:169.254.169.254]", None),
        ("fe80::1%eth0", None),
        ("[fd00:ec2::254]", None),
        ("metadata.google.internal.", None),
        ("METADATA.google.internal", None),
        ("innocent.example.org", "169.254.169.254"),
        ("innocent.example.org", "::ffff:a9fe:a9fe"),
    ],
)
def test_a_cautious_runtime_reaches_no_metadata_service_under_any_name(host, address):
    with pytest.raises(Forbidden, match="not allowed here"):
        CAUTIOUS.check(host, address)
    EVERYWHERE.check(host, address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "example.org", "10.0.0.1", "::1", "168.63.129.17", "metadata.example.org"]
)
def test_a_cautious_runtime_reaches_everything_else(host):
    CAUTIOUS.check(host)


def test_what_is_allowed_is_so_whatever_is_denied():
    rules = Destinations(allow=["*.example.org", "10.1.0.0/16", "h"], deny=["*"])
    for host in ("api.example.org", "h", "10.1.2.3"):
        rules.check(host)
    rules.check("other", "10.1.2.3")
    for host in ("example.org", "10.2.0.1", "example.org.evil", "2001:db8::1"):
        with pytest.raises(Forbidden):
            rules.check(host)


@pytest.mark.parametrize(
    "rule", ["https://example.org", "example.org:443", "ada@example.org", "a b", "", "10.0.0.0/33"]
)
def test_a_rule_that_can_hold_for_no_host_is_refused(rule):
    with pytest.raises(ValueError, match="is not a host"):
        Destinations(deny=[rule])


def test_a_text_is_no_list_of_rules():
    with pytest.raises(TypeError, match="must be a list of texts"):
        Destinations(deny="example.org")
