"""A password, and the form in which Redshift takes it without being told it."""

from __future__ import annotations

import hashlib
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
"""About 286 bits in 48 of them, and nothing that a shell, a URL or SQL would read otherwise."""
_LENGTH = 48
_SALT_BYTES = 32


def draw_password() -> str:
    """As Redshift wants one: at most 64 characters, with a small and a capital letter and a digit."""
    while True:
        password = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
        if all(set(kind) & set(password) for kind in kinds):
            return password


def digest_of(password: str, salt: bytes | None = None) -> str:
    """`sha256|DIGEST|SALT`, both in hexadecimal: the digest is of the password and the salt's bytes, by which drivers
    prove the password. The salt is drawn where none is given."""
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    return f"sha256|{hashlib.sha256(password.encode() + salt).hexdigest()}|{salt.hex()}"
