"""Firebase Cloud Messaging, HTTP v1: pushes."""
