"""What steps do. Each runner is a module here, found through the entry-point group and loaded when first named.

They import `runtime.runner` and nothing else of this project. What several of them need:

``_output``     what a program printed: how much of it is kept, and the result found in it
``_delimiters`` the part of it between two regular expressions
``_process``    a program in a process group of its own, that dies whole
``_exchange``   one HTTP exchange, bounded in size
``_wire``       what carries it: connections where they are allowed, proxies
``_tls``        whom it trusts, and how it says who it is
``_reply``      what an HTTP reply means
``_connect``    connecting to where it is allowed
``_texts``      lists and objects written as JSON texts, and ``_blanks`` numbers left empty
``_thread``     blocking work off the event loop: much to decode, libraries that wait
"""
