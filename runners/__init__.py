"""What steps do. Each runner is a module here, found through the entry-point group and loaded when first named.

``echo``      gives back what its configuration says
``http``      one HTTP exchange                      ``apiovh``    one call of OVHcloud's API
``script``    a file of the scripts folder           ``ssh``       a script on another host
``function``  a Python function, on trio or a thread ``process``   a Python function, in a process that can be killed
``dask``      a Python function, on a Dask cluster
``email``     one e-mail                             ``ping``      ICMP echo requests
``notify``    something to say to people's tools     ``tag``       tags of the task itself
``subtask``   another task, waited for               ``batch``     many of them, some at a time
``callback``  an address that is called once         ``cache``     what other steps may look up
``approval``  a question to a person                 ``flow``      a flow, waited for

They import `runtime.runner`, what they call in other processes (`runtime.worker`), and nothing else of this project.
What several of them need:

``_output``     what a program printed: how much of it is kept, and the result found in it
``_delimiters`` the part of it between two regular expressions
``_process``    a program in a process group of its own, that dies whole
``_cluster``    a Dask cluster, from trio
``_remote_call``  calls of functions in other processes: what goes there, and what comes back
``_workers``    processes that call functions, kept warm between calls
``_exchange``   one HTTP exchange, bounded in size
``_wire``       what carries it: connections where they are allowed, proxies
``_tls``        whom it trusts, and how it says who it is
``_reply``      what an HTTP reply means
``_connect``    connecting to where it is allowed
``_texts``      lists and objects written as JSON texts, ``_secrets`` secrets that are missing
``_bounds``     validators of numbers
``_embedded``   flows that steps run
``_thread``     blocking work off the event loop: much to decode, libraries that wait

And what only one has: ``_callback_settings``, ``_http_config``, ``_message`` (of ``email``), ``_ovh``, ``_ssh_config``,
``_ssh_key``, ``_ssh_session``.
"""
