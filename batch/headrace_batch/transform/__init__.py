"""What SQL does badly: tables of the curated zone that Spark computes from the processed zone's, group by group."""
