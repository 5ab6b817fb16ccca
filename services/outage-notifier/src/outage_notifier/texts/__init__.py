"""What messages say: templates, their texts in every language, and what a text costs as an SMS."""
