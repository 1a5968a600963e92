"""A group's statement as files: a workbook, and a PDF in the group's script.

Only what makes statements imports this: the PDF's libraries take longer to start than any other function does.
The same statement gives the same bytes; nothing in a file says when it was made.
"""
