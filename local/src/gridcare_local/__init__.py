"""All of Gridcare on one machine: real parts, emulated providers, demo data."""
