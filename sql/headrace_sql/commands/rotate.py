"""`headrace-sql rotate USER --secret NAME`."""

from __future__ import annotations

import os
import sys

from headrace_consumers.commands.printing import PrintSettings, tell_settings
from headrace_sql.commands.options import WAREHOUSE, Place, complete


def rotate(user: str, /, *, secret: str, warehouse: Place = WAREHOUSE, print_settings: PrintSettings = False) -> int:
    """Give a user of the warehouse a new password, and keep it in the user's secret. Run it again where it failed.

    Signs in as the admin: HEADRACE_WAREHOUSE_USER, with the password from HEADRACE_WAREHOUSE_PASSWORD alone. The new
    password is told to nobody: the warehouse gets its digest, and the secret becomes current once it was tried.

    Parameters
    ----------
    user
        Such as headrace_loader.
    secret
        Name or ARN of the secret that Terraform made for the user; it need not have a value yet.
    """
    from headrace_sql.passwords.rotating import require_user

    admin = complete(warehouse)
    require_user(user, admin)
    if print_settings:
        return tell_settings(user=user, secret=secret, warehouse=admin)
    from headrace_consumers.aws import make_secrets
    from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience
    from headrace_consumers.warehouse.redshift import Redshift
    from headrace_sql.passwords.rotating import rotate as rotate_password
    from headrace_sql.passwords.versions import SecretVersions

    versions = SecretVersions(make_secrets(os.environ), secret)
    with patience(COMMAND_PATIENCE_S):
        version = rotate_password(user, admin, versions, lambda settings: Redshift(settings).connect())
    sys.stdout.write(f"{user} has a new password: version {version} of {secret}\n")
    return 0
