"""What is said to customers: templates, the catalogue of texts in every language, and how many SMS a text takes."""
