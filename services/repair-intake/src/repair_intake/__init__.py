"""Takes repair and service tickets and routes them to teams."""

from typing import Final

NAME: Final = "repair-intake"
"""What the service is called: the source of its events, the audience of its tokens, its consumer group."""
