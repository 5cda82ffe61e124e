"""What a server tells of itself: Prometheus text, made when it is asked for (spec section 15.3).

A gauge is read from the journal each time, so that a state or a template that is gone is gone from it, too (Q75).
"""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from runtime.api.desk import ALWAYS_COUNTED

if TYPE_CHECKING:
    from runtime.server.app import Office


async def exposed(office: "Office") -> tuple[bytes, str]:
    """Give the text, and its media type."""
    registry = CollectorRegistry()
    tasks = Gauge("utask_task_state", "Tasks by state", ["status", "template", "group"], registry=registry)
    for count in await office.desk.counts({}):
        for state in ALWAYS_COUNTED:
            tasks.labels(state, count.template, count.group)
        tasks.labels(str(count.state), count.template, count.group).set(count.tasks)
    Gauge("understudy_requests_in_flight", "Requests being answered", registry=registry).set(office.in_flight)
    Gauge("understudy_subscribers", "Subscribers of events", registry=registry).set(office.subscribers)
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
