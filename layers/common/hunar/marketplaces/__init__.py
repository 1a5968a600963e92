"""One module per marketplace: how it proves itself and what its messages say."""
