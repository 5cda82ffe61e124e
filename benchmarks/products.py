"""The products that are measured beside us, as they come from PyPI."""

from typing import Final

import attrs

from benchmarks.environments import Foreign

PYKKA: Final = Foreign(name="pykka", script="with_pykka.py", requirements=("pykka==4.5.0",))
THESPIAN: Final = Foreign(name="thespian", script="with_thespian.py", requirements=("thespian==4.0.1",))
XOSCAR: Final = Foreign(name="xoscar", script="with_xoscar.py", requirements=("xoscar==0.12.2",))
APSCHEDULER: Final = Foreign(name="apscheduler", script="with_apscheduler.py", requirements=("apscheduler==4.0.0a6",))
PYDANTIC_GRAPH: Final = Foreign(
    name="pydantic-graph", script="with_pydantic_graph.py", requirements=("pydantic-graph==2.68.0",)
)
LANGGRAPH: Final = Foreign(
    name="langgraph",
    script="with_langgraph.py",
    requirements=("langgraph==1.2.24", "langgraph-checkpoint-sqlite==3.1.2"),
)
BURR: Final = Foreign(name="burr", script="with_burr.py", requirements=("apache-burr==0.43.0", "aiosqlite>=0.21"))
DASK: Final = Foreign(name="dask", script="with_dask.py", requirements=("dask==2026.8.0",))
LUIGI: Final = Foreign(name="luigi", script="with_luigi.py", requirements=("luigi==3.8.1",))
DBOS: Final = Foreign(name="dbos", script="with_dbos.py", requirements=("dbos==3.4.0", "psycopg[binary]>=3.3.9,<3.4"))

DBOS_WAL: Final = attrs.evolve(DBOS, name="dbos-wal")
"""With its SQLite file set to a write-ahead log, which is not how it comes, and is quicker."""

NAMES: Final = frozenset(
    one.name
    for one in (PYKKA, THESPIAN, XOSCAR, APSCHEDULER, PYDANTIC_GRAPH, LANGGRAPH, BURR, DASK, LUIGI, DBOS, DBOS_WAL)
) | {"erlang", "gotpl"}
"""All there are, with those that are no products in Python or have no environment of their own."""
