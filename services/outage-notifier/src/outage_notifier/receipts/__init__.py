"""What became of a message after its call: status callbacks, the app's received marks, look-ups of what is unknown."""
