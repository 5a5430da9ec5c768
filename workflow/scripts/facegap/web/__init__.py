"""Pages that people answer in a browser: what the human study and the labelling share.

app: a guarded ASGI application and its Jinja2 pages. guard: what every request passes. store: an
SQLite or PostgreSQL database. tokens: secret links, kept as hashes. serve: the server.
"""
