"""What a server tells of itself: Prometheus text, made when it is asked for (spec section 15.3).

A gauge is read from the journal each time, so that a state or a template that is gone is gone from it, too (Q75).
"""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import SummaryMetricFamily
from prometheus_client.registry import Collector

from runtime.api.answers import ALWAYS_COUNTED
from runtime.work.durations import Durations

if TYPE_CHECKING:
    from runtime.server.app import Office


async def exposed(office: "Office") -> tuple[bytes, str]:
    """Give the text, and its media type."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)  # memory, open files and time of the processor, by the names that all have
    refuses = Gauge(
        "understudy_store_refuses", "1 while the store takes nothing, as of the last try", registry=registry
    )
    refuses.set(office.desk.trouble() is not None)
    faults = Counter("understudy_actor_failures", "Faults of the runtime itself; its log says which", registry=registry)
    faults.inc(office.desk.failures())
    tasks = Gauge("utask_task_state", "Tasks by state", ["status", "template", "group"], registry=registry)
    tallied = await office.desk.counts({})
    Gauge("understudy_task_state_age_seconds", "How long ago tasks were counted", registry=registry).set(tallied.age)
    for count in tallied.counts:
        for state in ALWAYS_COUNTED:
            tasks.labels(state, count.template, count.group)
        tasks.labels(str(count.state), count.template, count.group).set(count.tasks)
    Gauge("understudy_requests_in_flight", "Requests being answered", registry=registry).set(office.in_flight)
    Gauge("understudy_subscribers", "Subscribers of events", registry=registry).set(office.subscribers)
    registry.register(_Times(office.desk.durations()))
    await _resources(office, registry)
    deliveries = await office.desk.notifications()
    Gauge("understudy_notifications_waiting", "Notifications to deliver", registry=registry).set(deliveries.waiting)
    for name, about, value in (
        ("understudy_notifications_delivered", "Notifications that were delivered", deliveries.delivered),
        ("understudy_notifications_failed", "Notifications that were given up", deliveries.failed),
        ("understudy_notifications_dropped", "Notifications that there was no room for", deliveries.dropped),
    ):
        Counter(name, about, registry=registry).inc(value)
    leases = office.desk.leases()
    if leases is not None:
        for name, about, value in (
            ("understudy_leases_lost", "Leases that this instance has lost", leases.lost),
            ("understudy_lease_tasks_lost", "Tasks that it held then", leases.tasks_lost),
            ("understudy_leases_taken_over", "Instances that this one found dead", leases.taken_over),
            ("understudy_lease_tasks_taken_over", "Tasks that those had held", leases.tasks_taken_over),
        ):
            Counter(name, about, registry=registry).inc(value)
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Times(Collector):
    """Shows how long tasks took, as summaries without quantiles: how many, and the sum of their seconds."""

    def __init__(self, durations: Mapping[str, Durations]) -> None:
        self._durations = durations

    def collect(self) -> Iterator[SummaryMetricFamily]:
        """Give what the registry asks for."""
        for name, about, seconds in (
            ("utask_valid_times", "Seconds from the creation of a task to that of its resolution", _VALID),
            ("utask_complete_times", "Seconds from the creation of a task until it was done", _COMPLETE),
            ("utask_exec_times", "Seconds from the creation of a resolution until its task was done", _EXEC),
        ):
            family = SummaryMetricFamily(name, about, labels=["template"])
            for template, one in self._durations.items():
                family.add_metric([template], one.tasks, seconds(one))
            yield family


_VALID, _COMPLETE, _EXEC = attrgetter("valid"), attrgetter("complete"), attrgetter("exec")


async def _resources(office: "Office", registry: CollectorRegistry) -> None:
    """Show how each limited resource stands: a label for each one that has a limit, however many hold it."""
    labels = ["resource"]
    limit = Gauge("understudy_resource_limit", "How many may hold a resource", labels, registry=registry)
    held = Gauge("understudy_resource_held", "How many hold it", labels, registry=registry)
    waiting = Gauge("understudy_resource_waiting", "How many wait for it", labels, registry=registry)
    granted = Counter("understudy_resource_granted", "How often it was given", labels, registry=registry)
    abandoned = Counter("understudy_resource_abandoned", "How many stopped waiting", labels, registry=registry)
    for label, figures in (await office.desk.resources()).items():
        limit.labels(label).set(figures.limit)
        held.labels(label).set(figures.held)
        waiting.labels(label).set(figures.waiting)
        granted.labels(label).inc(figures.granted)
        abandoned.labels(label).inc(figures.abandoned)
