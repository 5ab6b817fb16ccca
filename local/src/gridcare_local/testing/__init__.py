"""What tests start: a broker and a database server a session, topics and a database of one's own a test."""
