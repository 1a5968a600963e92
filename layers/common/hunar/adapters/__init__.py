"""The outside world behind the ports: DynamoDB, SQS, SMS, secrets, and memory for tests."""
