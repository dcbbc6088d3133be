"""The one adapter to Spark: a session on this machine or on a cluster, and units of work as its jobs."""
