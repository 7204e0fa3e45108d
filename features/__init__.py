"""The past: events become histories, histories become features."""
