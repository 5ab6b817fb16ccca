"""Takes repair and service tickets and routes them to teams."""
