"""The OIDC emulator: discovery, JWKS with rotation, and tokens minted for tests, demos and people."""
