"""The server of pages that people answer.

app: a guarded ASGI application and its Jinja2 pages. guard: what every request passes. store: an
SQLite or PostgreSQL database. tokens: secret links, stored as hashes. serve: the server.
connections: how many it holds, and for how long. log: what happens, once a minute.
"""
