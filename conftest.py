"""What every test of the project may use."""

pytest_plugins = ["gridcare_local.testing.servers"]
