# The commands of this project; `make` alone lists them. Works with GNU make 3.81 and later.

SHELL = /bin/sh
PORT ?= 8000
DEMO_PORT = $(if $(filter file,$(origin PORT)),8010,$(PORT))
ADMIN ?= admin
MINUTES ?= 10
SEED ?= 1
VENV = .venv
PY = $(VENV)/bin/python
PIP = $(PY) -m pip --disable-pip-version-check --no-input install --quiet
export PYTHON

# Checks must not depend on what is in .env: what is set here wins over it. The key is thrown away afterwards.
CHECK_ENV = env SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	FIELD_ENCRYPTION_KEY="$$($(PY) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
	DEBUG=off REQUIRE_HTTPS=on BEHIND_TLS_PROXY=off HSTS_INCLUDE_SUBDOMAINS=off HSTS_PRELOAD=off \
	ALLOWED_HOSTS=oms.example CSRF_TRUSTED_ORIGINS= \
	SECRET_KEY_FILE= FIELD_ENCRYPTION_KEY_FILE= DATABASE_URL_FILE= REDIS_URL_FILE= METRICS_TOKEN_FILE= EMAIL_URL_FILE= \
	SENTRY_DSN_FILE= OIDC_CLIENT_SECRET_FILE= OIDC_ISSUER= OIDC_CLIENT_ID= FIELD_ENCRYPTION_KEY_COMMAND= \
	DATABASE_URL=sqlite://:memory: REDIS_URL= MOCK_FALLBACK=never ORDERS_INITIAL_DAYS=30 LOG_FORMAT=text METRICS_TOKEN= SENTRY_DSN= EMAIL_URL= PUBLIC_URL= \
	AMAZON_SP_API_ENDPOINT= AMAZON_LWA_ENDPOINT= AMAZON_CLIENT_SECRET_FILE= \
	PDF_FONT_FALLBACK= EXPORTS_FOLDER= EXPORTS_STORE_ENDPOINT= EXPORTS_STORE_BUCKET= EXPORTS_STORE_ACCESS_KEY= EXPORTS_STORE_SECRET_KEY= \
	EXPORTS_STORE_ACCESS_KEY_FILE= EXPORTS_STORE_SECRET_KEY_FILE=

.PHONY: help setup database run demo demo-clean test readers soak check bench backup reliability screenshots format lock dependencies audit messages clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-12s %s\n' "$$name" "$$what"; done

setup: database ## virtual environment, dependencies, .env with fresh keys, database, admin user (ADMIN=name PRODUCTION=host)
	@$(PY) manage.py create_first_admin $(ADMIN)

database: $(VENV)/.installed ## what setup does, without the admin user
	@test -e .env || $(PY) scripts/make_env.py $(if $(PRODUCTION),--production $(PRODUCTION))
	@$(PY) manage.py migrate --verbosity 0
	@echo "The database is up to date."

run: database ## set up, sync a first time, serve on port 8000 (PORT=…) with worker, scheduler and webhooks
	@$(PY) -m scripts.run --port $(PORT)

demo: $(VENV)/.installed ## a shop that lives, to look around: all invented, in a database of its own, on port 8010 (PORT=…)
	@$(PY) -m scripts.demo --port $(DEMO_PORT)

demo-clean: $(VENV)/.installed ## remove what `make demo` has left; it touches nothing else
	@$(PY) -m scripts.demo --clean

# Each process of it imports the same modules: they are compiled once, whatever the environment says of bytecode.
test: $(VENV)/.installed-dev ## the test suite on all cores; needs no services (ARGS='-k name', ARGS='-n 0' on one)
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -q -n auto --maxprocesses 16 --dist worksteal $(ARGS)

readers: ## what tests open exports and the schema with, and compile the examples of docs/ with; needs node and npm
	@npm ci --prefix tests/readers --ignore-scripts --no-audit --no-fund --loglevel=error

soak: $(VENV)/.installed-dev ## the property tests for long, and odd requests to the API (MINUTES=10 SEED=1); names the seed
	@SOAK_MINUTES=$(MINUTES) SOAK_SEED=$(SEED) $(PY) -m pytest -q --show-capture=no tests/test_property.py \
		tests/test_law_of_absence.py tests/test_audits_proven.py tests/test_shipments_proven.py \
		integrations/tests/test_history.py \
		tests/test_api_fuzzed.py $(ARGS)

check: $(VENV)/.installed-dev ## format, lint, types, import contracts, deployment check, migrations complete
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	@$(CHECK_ENV) $(PY) -m mypy .
	$(VENV)/bin/lint-imports --no-cache
	@$(CHECK_ENV) $(PY) manage.py check --deploy --fail-level WARNING
	@$(CHECK_ENV) $(PY) manage.py makemigrations --check --dry-run

bench: $(VENV)/.installed-dev ## benchmarks; ratios measured side by side (ARGS=…)
	@$(PY) -m bench $(ARGS)

backup: $(VENV)/.installed ## the whole database in one file under var/backups (ARGS=FILE for another place)
	@$(PY) manage.py backup_database $(ARGS)

screenshots: $(VENV)/.installed-dev ## the pictures in docs/images, of a simulated shop; needs chromium
	@$(PY) -m scripts.screenshots $(ARGS)

reliability: $(VENV)/.installed-dev ## the figures of docs/reliability.md, measured again (ARGS='--minutes 10')
	@$(PY) -m bench.reliability $(ARGS)

format: $(VENV)/.installed-dev ## format the code, and fix what can be fixed
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

messages: $(VENV)/.installed ## collect the admin's strings into locale/ and compile them; needs gettext
	@$(PY) manage.py makemessages --locale de --locale es --no-location --no-wrap --ignore 'tests/*' \
		--ignore '*/tests/*' --ignore 'simulator/*' --ignore 'bench/*' --ignore 'scripts/*' --ignore '$(VENV)/*'
	@$(PY) manage.py compilemessages --locale de --locale es --ignore '$(VENV)/*'

lock: $(VENV)/.installed-dev ## pin again what the requirements bring in (ARGS=--upgrade for newer ones)
	scripts/lock.sh $(VENV)/bin/uv $(ARGS)

dependencies: $(VENV)/.installed-dev ## docs/dependencies.md, written again: licences, releases, reasons; after `make lock`
	@$(PY) -m scripts.dependencies

audit: $(VENV)/.installed-dev ## known vulnerabilities of what is locked; exits with 2 where no database of them answers (ARGS='-s osv')
	@$(PY) -m scripts.audit $(ARGS)

clean: ## remove the virtual environment and caches; keeps .env and var/
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles

# --- The virtual environment: made once, filled again when the requirements change ---------------------

$(VENV)/.made:
	@python=$$(scripts/find-python.sh) && echo "Making $(VENV) with $$python ($$("$$python" --version 2>&1))…" \
		&& "$$python" -m venv --clear $(VENV) && touch $@

$(VENV)/.installed: $(VENV)/.made requirements.lock
	@echo "Installing what OMS runs on…"
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@echo "Installing what tests and checks need…"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
