"""Which models answer: handed over, watched for newer ones, rehearsed, and exchanged between two answers."""
