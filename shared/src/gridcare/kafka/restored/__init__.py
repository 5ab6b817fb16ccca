"""What a database that was restored to an earlier time lost: noticed by its consumers, read again by a command."""
