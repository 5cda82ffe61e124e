"""A journal in a PostgreSQL database, for many instances of a program at once.

Modules
    driver      psycopg on trio
    pool        a few connections, lent to one task at a time
"""
