"""Who lives there: made-up customers with names, phones and devices."""
