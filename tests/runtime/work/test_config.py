"""What ``utask-cfg`` says beside what is read of it."""

import json

import attrs
import pytest
from structlog.testing import capture_logs

from runtime import open_runtime
from runtime.cli.access import ServedHost
from runtime.notifications.settings import Notifications
from runtime.work.config import HOST_FIELDS, Host
from runtime.work.limits import _Configured


@pytest.mark.parametrize("read", [Host, Notifications, ServedHost, _Configured])
def test_all_that_is_read_is_known(read):
    assert {one.name for one in attrs.fields(read)} <= HOST_FIELDS


async def test_what_nobody_reads_is_warned_of_with_what_was_meant():
    of_utask = {"base_url": "https://u", "database_config": {}, "debug": True, "instance_collector_wait_duration": 1}
    said = {"resource_limit": {"socket": 1}, "zzz": 1, **of_utask}
    with capture_logs() as logs:
        async with open_runtime(config={"utask-cfg": json.dumps(said)}):
            pass
    assert [one for one in logs if one["event"] == "setting_unknown"] == [
        {
            "event": "setting_unknown",
            "log_level": "warning",
            "setting": "utask-cfg.resource_limit",
            "hint": 'did you mean "resource_limits"?',
        },
        {"event": "setting_unknown", "log_level": "warning", "setting": "utask-cfg.zzz"},
    ]
