"""The controls, a line each: what is asked, what OMS has, how to look, and the tests that show it.

A new mechanism is a line here. Words of the policy: ../../docs/security.md says where they are from.
"""

from monitoring.dpp import installation
from monitoring.dpp.control import Control, always, outside

CONTROLS: tuple[Control, ...] = (
    # --- Personal data --------------------------------------------------------------------------------
    Control(
        key="data.only_what_is_needed",
        topic="Personal data",
        asks="Hold buyers' data only where an order needs it.",
        has="Amazon is asked for no buyer data unless the platform's row says so (store buyer data, off by default).",
        look=installation.asks_for_buyer_data,
        tests=(
            "tests/test_secrets.py::test_it_asks_for_personal_data_only_where_the_platform_says_so",
            "tests/test_all_that_is_said.py::test_no_personal_data_is_stored_unless_the_platform_asks_for_it",
        ),
    ),
    Control(
        key="data.one_place",
        topic="Personal data",
        asks="Know where personal data is, and that it came from Amazon.",
        has="It is in one table, encrypted, by platform; payloads, failures, logs, exports and webhooks have none. "
        "Every row says which platform it is from and whether it is live, sandbox or mock.",
        look=always("The same in every installation."),
        tests=(
            "tests/test_all_that_is_said.py::test_personal_data_is_in_the_vault_and_nowhere_else",
            "backoffice/tests/test_export.py::test_it_never_holds_buyer_data_or_credentials",
            "orders/tests/test_services.py::test_it_keeps_the_orders_of_two_platforms_apart",
        ),
    ),
    Control(
        key="retention.buyer_data",
        topic="Retention",
        asks="Delete personal data 30 days after delivery at the latest.",
        has="A day of deletion for each order; the scheduler deletes daily (manage.py purge_pii), and nothing is "
        "stored past it.",
        look=installation.buyer_data_is_deleted_in_time,
        tests=(
            "tests/test_boundaries.py::test_buyer_data_is_gone_before_its_last_day_is_over",
            "orders/tests/test_services.py::test_it_never_stores_buyer_data_after_its_purge_date",
            "orders/tests/test_buyer_data.py::test_the_clock_of_buyer_data_only_runs_on",
            "orders/tests/test_buyer_data.py::test_a_late_refund_does_not_bring_deleted_data_back",
            "orders/tests/test_buyer_data.py::test_a_cancelled_order_loses_its_buyer_at_once",
        ),
    ),
    Control(
        key="retention.other_data",
        topic="Retention",
        asks="Delete data that is not personal after 18 months, unless the law asks for longer.",
        has="The scheduler deletes orders that are older than a setting says, but for those that a legal hold names.",
        look=installation.old_orders_are_deleted,
        settings=("KEEP_ORDERS_MONTHS",),
        tests=(
            "integrations/tests/test_maintenance.py::"
            "test_it_deletes_orders_older_than_a_setting_says_but_for_those_on_hold",
            "orders/tests/test_buyer_data.py::test_sqlite_overwrites_what_is_deleted",
        ),
    ),
    Control(
        key="retention.on_request",
        topic="Retention",
        asks="Delete data on request within 30 days.",
        has="manage.py erase_buyer_data, pages of the admin and the API erase an order's, a person's or a platform's, "
        "for good, with a receipt; the e-mail is found by a keyed digest. Legal holds have a reason and an end.",
        look=always("It is done when somebody asks; the audit has each erasure."),
        tests=(
            "orders/tests/test_buyer_data.py::test_the_data_of_one_order_is_erased_once_for_all",
            "orders/tests/test_buyer_data.py::test_all_orders_of_an_address_are_found_without_the_address",
            "orders/tests/test_buyer_data.py::test_a_legal_hold_keeps_what_it_names_until_it_ends",
            "backoffice/tests/test_privacy.py::test_privacy_officers_alone_erase_the_buyer_of_an_order",
            "api/tests/test_privacy.py::test_it_erases_once_and_answers_a_receipt_without_personal_data",
            "tests/test_crashes.py::test_an_erasure_goes_on_after_the_scheduler_was_killed",
        ),
    ),
    # --- Encryption and keys --------------------------------------------------------------------------
    Control(
        key="encryption.at_rest",
        topic="Encryption",
        asks="Encrypt personal data and credentials at rest with AES-128 or better.",
        has="Fernet: AES-128-CBC with HMAC-SHA256, in the columns of buyer data, credentials and signing secrets.",
        look=installation.is_encrypted_at_rest,
        settings=("FIELD_ENCRYPTION_KEY",),
        tests=(
            "tests/test_leaks.py::test_it_stores_what_is_secret_encrypted_alone",
            "tests/test_secrets.py::test_it_stores_buyers_readable_with_the_key_alone",
            "integrations/tests/test_plain.py::"
            "test_the_scheduler_encrypts_what_is_plain_and_until_then_people_are_told",
        ),
    ),
    Control(
        key="encryption.store_and_back_ups",
        topic="Encryption",
        asks="Encrypt the whole store that holds personal data, and its back-ups; keep them apart.",
        has="Back-ups are encrypted with age or gpg straight from the database, where a recipient is set; personal "
        "data and credentials in them are encrypted in any case. The disk is yours to encrypt.",
        look=installation.back_ups_are_encrypted,
        settings=("BACKUP_ENCRYPT_TO",),
        tests=(
            "integrations/tests/test_backup.py::test_it_restores_all_that_was_stored",
            "integrations/tests/test_backup.py::test_it_encrypts_and_what_is_decrypted_is_restored",
        ),
    ),
    Control(
        key="keys.managed",
        topic="Encryption",
        asks="Manage keys in a KMS; only the processes that need them can read them.",
        has="Keys come from a command (the client of a KMS or of Vault), a file or the environment, never from the "
        "database.",
        look=installation.keys_come_from_a_manager,
        settings=("FIELD_ENCRYPTION_KEY_FROM",),
        tests=(
            "oms/tests/test_secret_files.py::test_it_takes_the_keys_that_a_command_prints",
            "oms/tests/test_secret_files.py::test_it_says_why_a_command_gives_no_key_and_repeats_nothing_of_it",
        ),
    ),
    Control(
        key="keys.rotation",
        topic="Encryption",
        asks="Rotate and revoke keys.",
        has="Several keys at a time; manage.py reencrypt moves every row to the first one while OMS runs, and goes on "
        "where it was interrupted.",
        look=always("It is up to you when; docs/operations.md says how."),
        tests=(
            "integrations/tests/test_commands.py::test_it_moves_every_row_to_the_first_key",
            "integrations/tests/test_commands.py::test_it_goes_on_where_an_interrupted_run_stopped_batch_by_batch",
        ),
    ),
    Control(
        key="transit.browsers",
        topic="Encryption",
        asks="TLS 1.2 or newer for everything that comes in.",
        has="HTTPS is required by default, with HSTS and secure cookies. TLS itself ends at your proxy.",
        look=installation.browsers_use_tls,
        settings=("REQUIRE_HTTPS", "BEHIND_TLS_PROXY"),
        tests=("oms/tests/test_settings.py::test_it_passes_the_deployment_check_without_a_warning",),
    ),
    Control(
        key="transit.services",
        topic="Encryption",
        asks="TLS for hops inside the network, too.",
        has="Addresses of database, Redis and mail server take TLS; modes that may talk in clear are refused.",
        look=installation.services_use_tls,
        settings=("DATABASE_URL", "REDIS_URL", "EMAIL_URL"),
        tests=("oms/tests/test_database_tls.py::test_it_refuses_modes_that_may_talk_in_clear",),
    ),
    Control(
        key="transit.outgoing",
        topic="Encryption",
        asks="TLS for everything that goes out.",
        has="Amazon is called over HTTPS. Webhooks go over HTTPS to public addresses alone, unless settings allow "
        "more.",
        look=installation.what_leaves_uses_tls,
        settings=("WEBHOOKS_REQUIRE_HTTPS", "WEBHOOKS_ALLOW_PRIVATE"),
        tests=(
            "webhooks/tests/test_client.py::test_the_certificate_is_that_of_the_host_name",
            "webhooks/tests/test_client.py::test_it_reaches_nothing_private_however_that_is_written",
        ),
    ),
    # --- Access ---------------------------------------------------------------------------------------
    Control(
        key="access.accounts",
        topic="Access",
        asks="One account for each person; review them each quarter; remove who leaves within 24 hours.",
        has="Accounts by name, of OMS or of your OpenID Connect provider; deactivated at once with tokens and "
        "sessions. Reviews are yours; this says how many have not been here.",
        look=installation.accounts_are_used,
        settings=("OIDC_ISSUER", "OIDC_CREATE_USERS"),
        tests=(
            "access/tests/test_tokens.py::test_tokens_end_with_the_password_and_with_the_user",
            "audit/tests/test_audit.py::test_it_records_what_becomes_of_users_and_groups",
            "backoffice/tests/test_oidc.py::test_it_trusts_no_other_token",
            "backoffice/tests/test_oidc.py::"
            "test_who_is_in_no_group_that_is_mapped_stays_out_and_loses_those_he_had",
            "backoffice/tests/test_oidc.py::test_who_is_inactive_or_only_uses_the_api_stays_out",
        ),
    ),
    Control(
        key="access.least_privilege",
        topic="Access",
        asks="Give each person the rights that the work needs.",
        has="Groups (Viewer, Operator, Manager, Privacy officer), which hold in the admin and over the API. Managers "
        "give and manage what is below them alone; who was invited chooses the password behind a link that works once.",
        look=installation.rights_are_few,
        tests=(
            "backoffice/tests/test_users.py::test_managers_change_nobody_beside_or_above_them",
            "backoffice/tests/test_users.py::test_managers_give_no_role_that_is_not_below_theirs",
            "backoffice/tests/test_users.py::test_a_link_expires_and_ends_with_a_change_of_the_address",
            "backoffice/tests/test_oidc.py::test_no_manager_holds_an_account_that_the_provider_may_raise_above_him",
            "backoffice/tests/test_groups.py::test_it_shows_buyer_data_to_privacy_officers_alone",
            "backoffice/tests/test_groups.py::test_it_holds_in_the_api_as_well",
            "api/tests/test_order_buyer.py::test_it_needs_both_permissions",
        ),
    ),
    Control(
        key="access.confinement",
        topic="Access",
        asks="Let people see the data of the accounts that they work for.",
        has="Users, groups and tokens may be confined to platforms, in the admin and over the API.",
        look=installation.users_may_be_confined,
        tests=(
            "api/tests/test_token_platforms.py::test_no_address_shows_or_changes_anything_of_another_platform",
            "api/tests/test_token_platforms.py::"
            "test_a_user_sees_what_is_named_for_him_and_his_groups_as_far_as_the_token_goes",
            "backoffice/tests/test_confinement.py::test_no_page_shows_or_changes_anything_of_another_platform",
            "backoffice/tests/test_confinement.py::test_every_route_has_a_line",
            "backoffice/tests/test_packing.py::"
            "test_a_list_over_platforms_shows_the_confined_their_part_and_is_found_by_that_alone",
        ),
    ),
    Control(
        key="access.second_factor",
        topic="Access",
        asks="A second factor for every account.",
        has="Passkeys (WebAuthn), codes of an app (TOTP), recovery codes; a setting says who has to have one. Asked "
        "for again before buyer data is read and credentials are changed.",
        look=installation.second_factors_are_asked_for,
        settings=("SECOND_FACTOR", "CONFIRM_AGAIN_MINUTES"),
        tests=(
            "backoffice/tests/test_second_factor.py::test_nobody_is_signed_in_before_the_code",
            "backoffice/tests/test_packing.py::test_addresses_take_a_fresh_factor_which_leads_back_to_the_list",
            "integrations/tests/test_consent.py::test_only_who_may_change_the_platform_and_confirmed_it_may",
            "backoffice/tests/test_second_factor.py::test_a_code_is_never_accepted_twice",
            "backoffice/tests/test_second_factor.py::test_who_needs_one_sets_it_up_first",
            "backoffice/tests/test_passkeys.py::test_it_refuses_what_was_signed_for_something_else",
            "backoffice/tests/test_passkeys.py::test_an_answer_is_good_for_one_challenge",
        ),
    ),
    Control(
        key="access.lock_out",
        topic="Access",
        asks="Lock an account after at most 10 failed attempts.",
        has="Accounts and addresses are locked for some minutes; manage.py unlock_user unlocks.",
        look=installation.accounts_are_locked,
        settings=("LOGIN_FAILURES", "LOGIN_FAILURES_PER_ADDRESS", "LOGIN_LOCK_MINUTES"),
        tests=(
            "access/tests/test_login.py::"
            "test_ten_failures_lock_an_account_whoever_tries_and_a_command_unlocks_it",
            "access/tests/test_login.py::test_attempts_at_the_same_moment_do_not_get_past_the_limit_together",
        ),
    ),
    Control(
        key="passwords.length",
        topic="Passwords",
        asks="At least 12 characters of several kinds, not containing the name; kept as a strong hash.",
        has="Validators for length, kinds, likeness and common ones; breached ones where a list is installed. Argon2.",
        look=installation.passwords_are_long,
        tests=(
            "access/tests/test_passwords.py::test_twelve_characters_of_several_kinds",
            "access/tests/test_passwords.py::test_an_older_hash_becomes_argon2_at_the_sign_in",
            "monitoring/tests/test_dpp.py::test_it_takes_no_password_that_is_short_or_like_the_name",
        ),
    ),
    Control(
        key="passwords.history_and_age",
        topic="Passwords",
        asks="None of the last 10; at least a day, at most 365 days old.",
        has="Earlier passwords are refused; one that is too old is changed before anything else.",
        look=installation.passwords_are_changed,
        settings=("PASSWORD_HISTORY", "PASSWORD_MIN_AGE_DAYS", "PASSWORD_MAX_AGE_DAYS"),
        tests=(
            "access/tests/test_passwords.py::test_none_of_the_last_ten",
            "access/tests/test_passwords.py::test_an_old_password_is_changed_before_anything_else",
            "access/tests/test_passwords.py::test_a_new_password_is_kept_for_a_day",
        ),
    ),
    Control(
        key="sessions.end",
        topic="Access",
        asks="End sessions that nobody uses.",
        has="Who may read buyer data is signed out after some minutes without a page, everybody after some hours. "
        "Users see and end their own sessions. The table of sessions signs nobody in.",
        look=installation.sessions_end,
        settings=("SESSION_IDLE_MINUTES", "SESSION_HOURS"),
        tests=(
            "access/tests/test_signed_in.py::"
            "test_who_may_read_buyer_data_is_signed_out_after_half_an_hour_without_a_page",
            "access/tests/test_signed_in.py::test_a_session_ends_after_twelve_hours_whatever_is_done",
            "access/tests/test_signed_in.py::test_a_new_password_ends_the_other_sessions",
            "access/tests/test_sessions.py::test_the_table_of_sessions_signs_nobody_in",
        ),
    ),
    Control(
        key="access.tokens",
        topic="Access",
        asks="Keep credentials of the API few, limited and short-lived.",
        has="Tokens have scopes and platforms, end after 90 days by default, and are stored as hashes.",
        look=installation.tokens_end,
        tests=("access/tests/test_tokens.py::test_it_makes_a_token_of_90_days_without_buyer_data",),
    ),
    Control(
        key="access.channel_credentials",
        topic="Access",
        asks="Rotate the client secret every 180 days, and authorise at least yearly.",
        has="A countdown on the platform's page, home, alerts and /metrics, from the day on which OMS got the value.",
        look=installation.credentials_are_renewed,
        tests=(
            "oms/tests/test_metrics.py::test_it_tells_how_long_credentials_last",
            "backoffice/tests/test_alerts.py::test_it_tells_again_when_a_secret_grows_older",
        ),
    ),
    # --- Logs and alarms ------------------------------------------------------------------------------
    Control(
        key="logs.security_events",
        topic="Logs",
        asks="Record who did what, when, from where and with which success; keep it for 12 months.",
        has="The audit: logins, users, rights, credentials, exports, readings of buyer data with their reason.",
        look=installation.audit_is_kept,
        settings=("KEEP_AUDIT_DAYS",),
        tests=(
            "audit/tests/test_audit.py::test_it_records_who_signs_in_and_who_fails_to",
            "audit/tests/test_audit.py::test_it_outlives_the_user_it_is_about",
            "api/tests/test_order_buyer.py::test_it_answers_the_address_and_records_who_read_it_and_why",
        ),
    ),
    Control(
        key="logs.tampering",
        topic="Logs",
        asks="Protect logs against tampering.",
        has="Entries are chained by digests (manage.py verify_audit); nobody changes or deletes them in OMS.",
        look=installation.audit_holds,
        tests=(
            "audit/tests/test_audit.py::test_what_was_changed_or_taken_away_shows",
            "audit/tests/test_audit.py::test_nobody_changes_or_deletes_an_entry",
            "audit/tests/test_audit.py::test_the_noted_digest_shows_a_chain_that_was_made_anew",
            "audit/tests/test_audit.py::test_the_newest_are_read_and_the_others_counted",
        ),
    ),
    Control(
        key="logs.kept_elsewhere",
        topic="Logs",
        asks="Keep logs where whoever runs the system cannot change them.",
        has="Entries of the audit are shipped as JSON lines and to a syslog server (TLS), with their digests, without "
        "secrets and typed text.",
        look=installation.audit_is_shipped,
        settings=("AUDIT_LOG", "AUDIT_SYSLOG"),
        tests=(
            "audit/tests/test_shipping.py::test_a_connection_that_breaks_off_loses_nothing",
            "audit/tests/test_shipping.py::test_a_file_has_one_json_object_a_line_and_nothing_that_was_typed_freely",
        ),
    ),
    Control(
        key="logs.no_personal_data",
        topic="Logs",
        asks="No personal data and no secrets in logs.",
        has="Payloads are stripped before they are stored; libraries that would print headers are kept at WARNING.",
        look=always("The same in every installation."),
        settings=("LOG_FORMAT",),
        tests=(
            "tests/test_leaks.py::test_it_keeps_secrets_to_itself_whatever_happens",
            "tests/test_secrets.py::test_it_keeps_secrets_out_of_logs_and_tables",
        ),
    ),
    Control(
        key="logs.review",
        topic="Logs",
        asks="Review logs at least every two weeks, or have alarms.",
        has="Alerts tell of platforms that are refused and credentials that end; the audit has a list with filters.",
        look=installation.somebody_is_told,
        settings=("EMAIL_URL",),
        tests=(
            "audit/tests/test_audit.py::test_the_list_finds_filters_and_exports",
            "backoffice/tests/test_alerts.py::test_it_tells_once_when_it_begins_and_once_when_it_is_over",
        ),
    ),
    Control(
        key="logs.alarms",
        topic="Logs",
        asks="Have alarms for attempts to get in, or look for them at least every two weeks.",
        has="Many failed sign-ins, locked accounts and addresses, and guessed tokens of the API are alerts, on the "
        "home page and by e-mail, and are in the audit and in the log.",
        look=installation.attempts_are_told,
        settings=("EMAIL_URL", "ALERTS_FAILED_SIGN_INS", "LOGIN_FAILURES", "API_FAILURES_PER_MINUTE"),
        tests=(
            "backoffice/tests/test_alerts.py::test_it_tells_who_manages_users_that_somebody_tries_to_get_in",
            "api/tests/test_throttling.py::test_who_guesses_tokens_is_refused_before_they_are_looked_up",
        ),
    ),
    # --- The installation -----------------------------------------------------------------------------
    Control(
        key="installation.hardened",
        topic="Installation",
        asks="Run systems in a hardened configuration.",
        has="Production settings are the default; manage.py check --deploy names what differs.",
        look=installation.is_hardened,
        settings=("DEBUG", "REQUIRE_HTTPS"),
        tests=(
            "oms/tests/test_settings.py::test_it_passes_the_deployment_check_without_a_warning",
            "oms/tests/test_headers.py::test_each_answer_says_what_it_may_run",
            "oms/tests/test_private_files.py::test_a_new_database_is_its_owners_alone",
        ),
    ),
    Control(
        key="installation.test_and_production",
        topic="Installation",
        asks="Keep test and production apart; no real personal data in tests.",
        has="Tests run against a simulator with made-up data; mock and sandbox rows never mix with live ones.",
        look=installation.is_production,
        settings=("DEBUG", "MOCK_FALLBACK"),
        tests=(
            "orders/tests/test_services.py::test_it_never_replaces_live_by_made_up_data",
            "integrations/amazon/tests/test_marketplaces.py::"
            "test_it_never_mixes_the_hosts_of_sandbox_and_production",
        ),
    ),
    Control(
        key="vulnerabilities.known",
        topic="Vulnerabilities",
        asks="Scan every 30 days and before each release; fix critical ones in 7 days and high ones in 30.",
        has="make audit compares the locked packages with a database of vulnerabilities; every dependency "
        "is pinned by hash.",
        look=outside("Run make audit each month and before each release, and note the result."),
        tests=(
            "tests/test_dependencies.py::test_it_names_the_vulnerabilities_that_a_database_knows",
            "tests/test_dependencies.py::test_it_says_in_a_sentence_that_nothing_could_be_audited",
        ),
    ),
    Control(
        key="vulnerabilities.penetration_test",
        topic="Vulnerabilities",
        asks="A penetration test each year.",
        has="docs/security.md says what was tried in the tests.",
        look=outside("Have one made of your installation, with its network and proxy."),
    ),
    Control(
        key="incidents.plan",
        topic="Incidents",
        asks="A written plan, reviewed every six months; tell Amazon within 24 hours.",
        has="A template: docs/incident-plan.md.",
        look=outside("Fill it in, name people, and review it every six months."),
    ),
    Control(
        key="network",
        topic="Network",
        asks="Firewall, intrusion detection, segmentation, protection against malware.",
        has="OMS listens on one port; database and Redis need no public address.",
        look=outside("Let only the proxy reach OMS, and only OMS the database and Redis."),
    ),
    Control(
        key="devices_and_sharing",
        topic="Network",
        asks="No data on private devices or removable media; give data to nobody whom the order does not need.",
        has="Exports and webhooks never hold buyer data; each export is recorded.",
        look=outside("Say so to the people who may export, and have them agree."),
        tests=("backoffice/tests/test_export.py::test_it_never_holds_buyer_data_or_credentials",),
    ),
)
