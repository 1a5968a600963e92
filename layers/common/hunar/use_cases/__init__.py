"""One verb each: what Hunar does when something arrives."""
