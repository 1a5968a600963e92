"""The operators' API over HTTP: its routes, what a body may say, and who is calling."""
