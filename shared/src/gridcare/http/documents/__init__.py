"""What an app says of itself: its OpenAPI document, the page to try it, and what its problem codes mean."""
