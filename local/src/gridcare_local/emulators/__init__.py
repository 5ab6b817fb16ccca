"""Emulators of the providers, with real sockets and protocols and a journal of what they accepted; see README.md."""
