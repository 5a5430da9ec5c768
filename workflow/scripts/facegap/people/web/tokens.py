"""Secret links: who holds the token is the participant; the database holds only its hash."""

import hashlib
import secrets

BYTES = 24  # 192 random bits: nobody guesses one


def new_token() -> str:
    """A token for a link, 32 characters that need no quoting in an address."""
    return secrets.token_urlsafe(BYTES)


def hashed(token: str) -> str:
    """What the database stores of `token`: its SHA-256 in hex. A random token needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
