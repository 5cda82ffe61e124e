"""Where callbacks are called from outside (spec section 9.11): items of the configuration, and the addresses they make."""

from collections.abc import Mapping

import attrs

from runtime.runner import Json, loads_yaml, normalise

ITEM = "callback-config"
_FALLBACK = "utask-cfg"
_PREFIX = "/unsecured/callback"


@attrs.frozen(kw_only=True)
class CallbackSettings:
    """The address that callbacks are called at; `path_prefix` is empty, or starts with a slash and ends with none."""

    base_url: str
    path_prefix: str = _PREFIX

    def url(self, callback_id: str, secret: str) -> str:
        """Give the whole address of a callback."""
        return f"{self.base_url}{self.path_prefix}/{callback_id}?t={secret}"


def callback_settings(config: Mapping[str, str]) -> CallbackSettings:
    """Read the settings: the item ``callback-config``, or ``base_url`` of ``utask-cfg``.

    Raises:
        ValueError: neither is there, or it names no address.
    """
    if ITEM in config:
        item = _object(config[ITEM])
        base = item.get("base_url")
        if not isinstance(base, str) or not base:
            raise ValueError(f'"base_url" key not defined in "{ITEM}"')
        prefix = item.get("path_prefix")
        return _settings(base, prefix if isinstance(prefix, str) and prefix else _PREFIX)
    base = _object(config.get(_FALLBACK, "")).get("base_url")
    if not isinstance(base, str) or not base:
        raise ValueError(f'configstore: get "{ITEM}": no item found')
    return _settings(base, _PREFIX)


def _settings(base: str, prefix: str) -> CallbackSettings:
    path = prefix.strip("/")
    return CallbackSettings(base_url=base.removesuffix("/"), path_prefix=f"/{path}" if path else "")


def _object(text: str) -> Mapping[str, Json]:
    try:
        value = normalise(loads_yaml(text))
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}
