"""What every test of the project may use."""

pytest_plugins = ["gridcare.testing.servers"]
