"""The file that Streamlit runs, in a folder without `pages`.

Streamlit would serve the files of a folder `pages` beside it as pages of its own. Then
every address would be "Page not found" until somebody has opened `/`.
"""
