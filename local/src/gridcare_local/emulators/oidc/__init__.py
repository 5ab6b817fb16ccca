"""The OIDC emulator: discovery, JWKS with rotation, and tokens for tests, demos and people."""
