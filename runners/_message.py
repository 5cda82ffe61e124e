"""An e-mail as bytes: pure. Its parts cannot add headers or recipients that nobody asked for."""

import re
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

_HTML_START = re.compile(
    r"\s*<(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P|!--)[\s>]",
    re.IGNORECASE | re.ASCII,
)
_NAMED = re.compile(r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"<>@,;]*))\s*<(?P<address>[^<>]+)>\s*')


def is_html(body: str) -> bool:
    """Say whether a text starts as HTML does: what a browser would take it for."""
    return bool(_HTML_START.match(body[:512]))


def address(text: str, name: str = "") -> Address:
    """Read one address, alone or as ``"Ada Lovelace" <ada@example.org>``. `name` goes before the one that it has.

    Raises:
        ValueError: it is none.
    """
    named = _NAMED.fullmatch(text)
    if named:
        own = re.sub(r"\\(.)", r"\1", named["quoted"] or "") or (named["plain"] or "").strip()
        name, text = name or own, named["address"]
    try:
        return Address(display_name=name, addr_spec=text.strip())
    except Exception as fault:
        raise ValueError(f"is not an e-mail address: {text[:100]!r}") from fault


def message(*, sender: Address, to: Sequence[Address], subject: str, body: str) -> EmailMessage:
    """Write a message.

    Raises:
        ValueError: the subject holds a line break.
    """
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = list(to)
    mail["Subject"] = subject
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=sender.domain or "localhost")
    mail.set_content(body, subtype="html" if is_html(body) else "plain", cte="quoted-printable")
    return mail
