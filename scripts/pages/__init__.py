"""What `scripts/tables.py` writes: a module a page, whose ``sections()`` are text by file.

Here lives how a table is read off code, nodes and results; the words around it live in the page.
"""
