"""Passwords of the warehouse's users: drawn here, known to the warehouse by their digest, kept in Secrets Manager."""
