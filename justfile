# The project's verbs. Each is one command that also works without just.

mypy_paths := "producers/headrace_producers consumers/headrace_consumers batch/headrace_batch sql/headrace_sql deploy/local/headrace_local tests"

# List the verbs
_default:
    @just --list

# Stream real flights through the whole path on this machine
demo *arguments:
    uv run headrace-local demo {{arguments}}

# Run the tests
test *arguments:
    uv run pytest {{arguments}}

# Lint, check types, check who imports whom
lint:
    uv run --group lint ruff check .
    uv run --group lint ruff format --check .
    uv run --group lint mypy {{mypy_paths}}
    uv run --group lint sqlfluff lint sql/models sql/tests sql/athena
    uv run --group lint lint-imports --config .importlinter

# Format, and fix what can be fixed
format:
    uv run --group lint ruff format .
    uv run --group lint ruff check --fix .

# All that CI runs
ci:
    bash .ci/run
