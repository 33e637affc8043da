"""What the states of a host do that is more than a file, a package or a service."""
