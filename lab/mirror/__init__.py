"""A read-only git server for the mirror's bare repositories, for the demo and the tests."""
