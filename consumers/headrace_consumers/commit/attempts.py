"""Ids of commit attempts: unique, in the order of time as text, short enough for DynamoDB's request token (36)."""

from __future__ import annotations

import secrets


def new_attempt_id(now_ms: int) -> str:
    return f"{now_ms:012x}{secrets.token_hex(8)}"
