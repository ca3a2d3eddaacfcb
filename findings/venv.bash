# Sourced by every script here: `python` becomes one of a throwaway environment
# that holds exactly the named packages, and the working folder a throwaway one.
fresh_venv() {
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  "${PYTHON:-python3.11}" -m venv "$work/venv"
  "$work/venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-compile "$@"
  PATH="$work/venv/bin:$PATH"
  mkdir "$work/here"
  cd "$work/here"
}
