"""The Glue Data Catalog: the lake's tables, as contracts and windows say, for Athena and every other reader."""
