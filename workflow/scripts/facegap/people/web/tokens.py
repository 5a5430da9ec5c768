"""Secret links: who holds the token is the participant; the database holds only its hash."""

import hashlib
import re
import secrets

BYTES = 24  # 192 random bits: nobody guesses one
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


def new_token() -> str:
    """A token for a link, 32 characters that need no quoting in an address."""
    return secrets.token_urlsafe(BYTES)


def may_be_token(text: str) -> bool:
    """Whether `text` looks like a token; whether anybody holds it, the database knows."""
    return TOKEN.fullmatch(text) is not None


def hashed(token: str) -> str:
    """What the database stores of `token`: its SHA-256 in hex. A random token needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
