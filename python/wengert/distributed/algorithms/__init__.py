"""What stands on groups: `join`."""
