"""The account of all mocks. AWS's documentation has it in its examples; it is nobody's."""

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
PARTITION = "aws"
