"""cache: remembers JSON for other steps and other tasks (spec section 9.13)."""

from collections.abc import Iterator
from enum import StrEnum

import attrs

from runners._bounds import not_negative
from runtime.runner import (
    ClientError,
    Fault,
    Json,
    NotProvisioned,
    Outcome,
    Runner,
    StepRequest,
    TooLarge,
    Unavailable,
)


class CacheAction(StrEnum):
    """What to do with a key."""

    SET = "set"
    GET = "get"
    DELETE = "delete"


@attrs.frozen(kw_only=True)
class CacheConfig:
    """What to remember, look up or forget.

    Attributes:
        action: ``set``, ``get`` or ``delete``.
        key: what it is known by.
        value: any JSON, for ``set``.
        ttl: seconds to keep it, for ``set``; 0 for as long as there is room.
        namespace: whose key it is; steps of other templates only find it when they name the same. The template's own
            without it.
    """

    action: CacheAction
    key: str
    value: Json = attrs.field(default=None, repr=False)
    ttl: int = attrs.field(default=0, validator=not_negative)
    namespace: str = ""


class Cache(Runner[CacheConfig]):
    """Remembers JSON where tasks are kept, sealed as they are, and in bounds (`runtime.cache`)."""

    name = "cache"
    config = CacheConfig

    def validate(self, config: CacheConfig) -> Iterator[Fault]:
        """Refuse an empty key."""
        if not config.key:
            yield Fault("key", "is empty")

    async def run(self, request: StepRequest[CacheConfig]) -> Outcome:
        """Set, get or delete a key.

        Raises:
            ClientError: the key is empty, or the value larger than one may be.
            NotProvisioned: the store cannot be used for the moment.
        """
        if not request.config.key:
            raise ClientError("key is empty")
        try:
            return await self._act(request)
        except Unavailable as away:
            raise NotProvisioned(str(away)) from away

    async def _act(self, request: StepRequest[CacheConfig]) -> Outcome:
        config, cache = request.config, self.settings.cache
        namespace = f"shared:{config.namespace}" if config.namespace else f"template:{request.template}"
        match config.action:
            case CacheAction.SET:
                try:
                    await cache.set(namespace, config.key, config.value, ttl=config.ttl)
                except TooLarge as fault:
                    raise ClientError(str(fault)) from None
                return Outcome(output={"key": config.key, "cached": True})
            case CacheAction.GET:
                hit, value = await cache.get(namespace, config.key)
                return Outcome(output={"key": config.key, "hit": hit, "value": value})
            case CacheAction.DELETE:
                await cache.delete(namespace, config.key)
                return Outcome(output={"key": config.key, "deleted": True})
