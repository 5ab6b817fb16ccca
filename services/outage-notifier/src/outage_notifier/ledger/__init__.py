"""Who was told what, and how it ended: notices, their batches and deliveries, and every provider call."""
