"""One file for each door: an HTTP router, a topic. Each parses, authorises and calls one flow."""
