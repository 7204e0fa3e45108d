"""What `winback init` proposes from the data, and why."""
