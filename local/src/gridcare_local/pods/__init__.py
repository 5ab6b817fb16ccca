"""The parts of a development cluster that Gridcare itself does not have: `python -m gridcare_local.pods <part>`."""
