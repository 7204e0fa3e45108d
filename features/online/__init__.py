"""The online store: every user's history of now, for the service."""
