"""Files land: checked against a contract, kept as they came, and committed as rows and letters, each file once."""
