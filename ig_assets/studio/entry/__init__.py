"""The file that Streamlit runs, apart from `pages`.

A folder of that name beside it Streamlit takes for pages of its own: until somebody has
opened `/`, each other address would be "Page not found".
"""
