"""What runs the dbt project beside it, and carries its marts to the lake."""
