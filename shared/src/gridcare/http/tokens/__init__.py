"""Bearer tokens: who signed them, and whom they name."""
