"""Many small files of cold partitions become few."""
