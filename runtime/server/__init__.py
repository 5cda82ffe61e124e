"""The server: what a runtime is asked over HTTP and WebSockets. It is thin: every request is a message to the desk.

``understudy serve`` is one. A program on trio serves a runtime of its own so, beside whatever else it answers
(``examples/trio_service.py``)::

    async with open_runtime("sqlite:///tasks.db", administrators=Administrators(usernames=["ada"])) as rt:
        office = Office(Desk(rt), BasicAuth({"ada": "a secret"}))
        async with serving(build_app(office), "127.0.0.1:8081", grace_seconds=3):
            ...

`app.build_app` gives an ASGI application, which any server on trio runs, and which may be mounted below another path.

Modules
    app         the ASGI application: admission, who asks, errors
    route       what a route is; `flow_routes` are those about flows, under ``/v1``
    routes      the routes of spec section 11.2, as data: which message each of them is
    asking      from a request to messages
    paging      the headers of replies that are one page of many
    bodies      JSON and YAML, within limits
    problems    refusals as problem documents
    events      server-sent events and WebSockets
    auth        from credentials to identities
    audit       one line for each request: who asked for what, and what became of it
    origins     whose page has a browser ask
    limits      how much is taken of whom
    openapi     the OpenAPI document, made from routes and messages; `answers`: what routes answer with
    metrics     figures for Prometheus
    pages       the pages that a browser is shown, from `static`
    serving     an ASGI server around the application: connections, and how long one may stall

What holds: nothing that is sent makes a request fail with 5xx but 503, which says when to come back; what somebody may
not see does not exist for them (404); every refusal is one JSON document, with the text that the same fault has in
Python and on the command line.
"""
