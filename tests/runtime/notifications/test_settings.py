import pytest

from runtime.configuration import ConfigurationInvalid, host_settings, structure
from runtime.notifications.notice import Notice, readers_of
from runtime.notifications.settings import Notifications, NotifyEvent, credentials_of
from runtime.notifications.shapes import check_targets

HOOK = {"type": "webhook", "config": {"webhook_url": "https://h/hook"}}


def settings(**others):
    return structure(Notifications, {"notify_config": {"hook": HOOK}, **others})


def notice(event, state, template="plan"):
    return Notice(event=event, task_id="t", template=template, state=state, message="m")


def with_strategies(default=None, rules=None):
    backend = {**HOOK, "default_notification_strategy": default or {}, "template_notification_strategies": rules or {}}
    return settings(notify_config={"hook": backend})


STATE, STEP, VALIDATION = NotifyEvent.TASK_STATE, NotifyEvent.TASK_STEP, NotifyEvent.TASK_VALIDATION


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ("always", {"RUNNING", "BLOCKED", "DONE", "CANCELLED"}),
        ("silent", set()),
        ("failure_only", {"BLOCKED"}),
        ("failure_or_done", {"BLOCKED", "DONE"}),
    ],
)
def test_a_strategy_says_which_states_of_tasks_are_told(strategy, told):
    configured = with_strategies({"task_state_update": strategy})
    states = ["RUNNING", "BLOCKED", "DONE", "CANCELLED"]
    assert {state for state in states if any(readers_of(notice(STATE, state), configured))} == told


def test_strategies_for_steps_look_at_the_step():
    configured = with_strategies({"task_step_update": "failure_only"})
    states = ["DONE", "BLOCKED", "SERVER_ERROR", "FATAL_ERROR", "CRASHED", "AFTERRUN_ERROR"]
    told = {state for state in states if any(readers_of(notice(STEP, state), configured))}
    assert told == {"FATAL_ERROR", "CRASHED", "AFTERRUN_ERROR"}


def test_the_first_rule_that_names_the_template_wins_over_the_default():
    rules = [
        {"templates": ["Deploy ", "other"], "notification_strategy": "silent"},
        {"templates": ["deploy"], "notification_strategy": "always"},
    ]
    configured = with_strategies({"task_state_update": "always"}, {"task_state_update": rules})
    assert not list(readers_of(notice(STATE, "BLOCKED", "deploy"), configured))
    assert list(readers_of(notice(STATE, "BLOCKED", "third"), configured)) == ["hook"]


def test_an_event_is_told_to_whom_its_action_names_or_to_nobody():
    two = {"a": HOOK, "b": HOOK}
    configured = settings(
        notify_config=two,
        notify_actions={"task_state_update": {"notify_backends": ["b"]}, "task_step_update": {"disabled": True}},
    )
    assert list(readers_of(notice(STATE, "DONE"), configured)) == ["b"]
    assert list(readers_of(notice(STEP, "DONE"), configured)) == []
    assert list(readers_of(notice(VALIDATION, "TODO"), configured)) == ["a", "b"]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"notify_config": {"x": {"type": "pigeon", "config": {}}}}, "notify_config.x.type"),
        ({"notify_config": {"x": {"type": "webhook", "config": {}}}}, "notify_config.x"),
        ({"notify_config": {"x": {"type": "webhook", "config": {"webhook_url": "ftp://h"}}}}, "notify_config.x"),
        ({"notify_config": {"x": {"type": "opsgenie", "config": {"api_key": "k", "zone": "moon"}}}}, "notify_config.x"),
        (
            {"notify_config": {"x": {**HOOK, "default_notification_strategy": {"task_gone": "always"}}}},
            "notify_config.x.default_notification_strategy",
        ),
        (
            {"notify_config": {"x": {**HOOK, "default_notification_strategy": {"task_state_update": "loud"}}}},
            "notify_config.x.default_notification_strategy.task_state_update",
        ),
        (
            {"notify_config": {"x": {**HOOK, "default_notification_strategy": {"task_validation": "failure_only"}}}},
            "notify_config.x.default_notification_strategy",
        ),
        ({"notify_actions": {"task_gone": {}}}, "notify_actions"),
        ({"notify_actions": {"task_state_update": {"notify_backends": ["nobody"]}}}, ""),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(wrong, path):
    with pytest.raises(ConfigurationInvalid) as refused:
        settings(**wrong)
    assert [fault.path for fault in refused.value.faults] == [path]


def test_secrets_stay_out_of_the_text_of_settings_and_errors():
    config = {"webhook_url": "https://h/hunter2", "username": "u", "password": "hunter2", "headers": {"X": "hunter2"}}
    assert "hunter2" not in repr(settings(notify_config={"x": {"type": "webhook", "config": config}}))
    with pytest.raises(ConfigurationInvalid) as refused:
        settings(notify_config={"x": {"type": "webhook", "config": {**config, "webhook_url": "hunter2"}}})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "item",
    [
        '[{"name": "x", "username": "u", "password": "p"}, {"name": "y"}]',
        '{"x": {"username": "u", "password": "p"}}',
        '{"name": "x", "username": "u", "password": "p"}',
    ],
)
def test_credentials_are_found_by_their_name(item):
    assert credentials_of({"notify-webhook-credentials": item}, "x") == ("u", "p")


@pytest.mark.parametrize("item", ["hunter2", "null", "[]", '[{"name": "x"}, {"name": "x"}]', '{"y": {}}'])
def test_credentials_that_are_not_there_once_are_said_so_before_anything_starts(item):
    config = {"webhook_url": "https://h", "credentials_name": "x"}
    configured = settings(notify_config={"hook": {"type": "webhook", "config": config}})
    with pytest.raises(ValueError, match=r'notify_config\.hook: .* entries called "x", not one') as refused:
        check_targets(configured, {"notify-webhook-credentials": item})
    assert "hunter2" not in str(refused.value)


def test_the_configuration_item_of_utask_is_read():
    item = '{"admin_usernames": ["a"], "base_url": "https://u", "notify_config": {"hook": {"type": "slack", "config": {"webhook_url": "https://s"}}}}'
    found = host_settings(Notifications, {"utask-cfg": item})
    assert (found.base_url, list(found.notify_config)) == ("https://u", ["hook"])
    assert not host_settings(Notifications, {}).notify_config
