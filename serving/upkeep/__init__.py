"""What keeps a running service well: flushes, backups, forgetting, status, and the commands for them."""
