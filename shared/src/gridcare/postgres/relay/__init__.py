"""The relay: publishes the outbox at least once, in order within each key."""
