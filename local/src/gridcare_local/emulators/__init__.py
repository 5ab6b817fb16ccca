"""Emulators of the providers: real sockets, real protocols, a journal of what was accepted. See README.md beside this file."""
