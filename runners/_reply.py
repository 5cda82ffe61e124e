"""What an HTTP reply means: pure, so that it can be tested, and used, without a network."""

from collections.abc import Callable, Sequence

import attrs

from runtime.runner import ClientError, Json, Outcome, StepFailed, loads, normalise


@attrs.frozen(kw_only=True)
class Reply:
    """One reply: its headers in the order and the case they came, its body decompressed."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """Give the first value of a header, named in lower case; nothing when it is not there."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def is_client_error(status: int) -> bool:
    """Say whether a status means that the request itself is wrong, as far as HTTP goes."""
    return 400 <= status < 500


def decode_reply(
    reply: Reply,
    *,
    trim_prefix: str = "",
    vendor_json: bool = False,
    unrecoverable: Callable[[int], bool] = is_client_error,
) -> Outcome:
    """Turn a reply into the outcome of a step.

    The output is the decoded JSON if the media type is ``application/json`` and there is a body, else the text. With
    `vendor_json`, types such as ``application/problem+json`` are JSON, too.

    Raises:
        ClientError: the status is not 2xx, and `unrecoverable`.
        StepFailed: the status is another that is not 2xx, or the body is not the JSON that it claims to be. Both carry
            the metadata, and the output where there is one.
    """
    metadata = metadata_of(reply)
    failure = ClientError if unrecoverable(reply.status) else StepFailed
    succeeded = 200 <= reply.status < 300
    try:
        output = _output(reply, trim_prefix, vendor_json=vendor_json)
    except ValueError as fault:
        error = StepFailed if succeeded else failure
        raise error(f"HTTP status {reply.status}, and the body is not JSON: {fault}", metadata=metadata) from None
    if not succeeded:
        raise failure(f"HTTP status {reply.status}", output=output, metadata=metadata)
    return Outcome(output=output, metadata=metadata)


def metadata_of(reply: Reply) -> dict[str, Json]:
    """Describe a reply as templates see it: ``HTTPStatus``, ``HTTPHeaders`` (the first of each), ``HTTPCookies``.

    Where a header came more than once, ``HTTPRepeatedHeaders`` has all its values in order (Q58).
    """
    values: dict[str, list[Json]] = {}
    for name, value in reply.headers:
        values.setdefault(_canonical(name), []).append(value)
    metadata: dict[str, Json] = {
        "HTTPStatus": reply.status,
        "HTTPHeaders": {name: all_of_it[0] for name, all_of_it in values.items()},
        "HTTPCookies": _cookies(reply),
    }
    repeated = {name: all_of_it for name, all_of_it in values.items() if len(all_of_it) > 1}
    return {**metadata, "HTTPRepeatedHeaders": repeated} if repeated else metadata


def _canonical(name: str) -> str:
    """Write a header's name as Go does, which is how templates name it, whatever the server wrote."""
    return "-".join(part.capitalize() for part in name.split("-"))


def _cookies(reply: Reply) -> dict[str, str]:
    pairs = [value.partition(";")[0].partition("=") for key, value in reply.headers if key.lower() == "set-cookie"]
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs if name.strip()}


def _output(reply: Reply, trim_prefix: str, *, vendor_json: bool) -> Json:
    body = reply.body.removeprefix(trim_prefix.encode(errors="replace"))
    media_type = reply.header("content-type").partition(";")[0].strip().lower()
    if body and (media_type == "application/json" or (vendor_json and media_type.endswith("+json"))):
        return normalise(loads(body))
    return body.decode(errors="replace")
