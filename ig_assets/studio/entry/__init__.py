"""The file that Streamlit runs, in a folder without `pages`.

Streamlit serves each file of a folder `pages` beside it by itself. Then every address
would be "Page not found" until somebody has opened `/`.
"""
