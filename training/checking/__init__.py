"""What `winback check` says before anything is learned."""
