"""Due notices become batches: who is told, over what, and what is cut anew when it falls due again."""
