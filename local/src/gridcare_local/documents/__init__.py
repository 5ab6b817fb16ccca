"""The generated documents: OpenAPI, AsyncAPI and the table of events."""
