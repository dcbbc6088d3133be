"""The warehouse: how it is reached, and the tables that contracts and windows make there."""
