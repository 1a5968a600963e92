"""Measures. Each is printed with what it is compared to; none is a timed test."""
